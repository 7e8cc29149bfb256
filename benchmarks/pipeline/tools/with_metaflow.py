"""Metaflow: the functions are steps of a flow, whose file has to name each; it is written beside the chain."""

import os
import sys
from pathlib import Path

import chain

HEAD = "import chain\nfrom metaflow import FlowSpec, step\n\n\nclass ChainFlow(FlowSpec):\n"
STEP = "    @step\n    def {name}(self):\n        {work}\n        {then}\n\n"
names = [function.__name__ for function in chain.FUNCTIONS]
parts = [STEP.format(name="start", work=f"self.value = chain.{names[0]}()", then=f"self.next(self.{names[1]})")]
for name, after in zip(names[1:], [*names[2:], "end"], strict=True):
    work = f"self.value = chain.{name}(self.value)"
    parts.append(STEP.format(name=name, work=work, then=f"self.next(self.{after})"))
parts.append(STEP.format(name="end", work="print('RESULT', self.value)", then="pass"))
Path("flow.py").write_text(HEAD + "".join(parts) + "\nif __name__ == '__main__':\n    ChainFlow()\n", encoding="utf-8")
command = "resume" if sys.argv[1] == "resume" else "run"
os.execv(sys.executable, [sys.executable, "flow.py", "--quiet", command])
