"""View: what the page needs of a project, and nothing more."""

from typing import Protocol

from holdtrue.domain import Explanation, Figure, Overview


class ProjectView(Protocol):
    """A project as the page sees it. Methods may be called from several threads at once."""

    def overview(self) -> Overview:
        """Return the project as it stands now; called about twice a second for each open page, so it must be cheap."""
        ...

    def explain(self, prediction_id: str) -> Explanation:
        """Return the way from an answer back to all that it rests on.

        Raises:
            NotFound: nobody knows a prediction of that id.
        """
        ...

    def read_figure(self, artifact: str) -> tuple[Figure, bytes]:
        """Return a picture that a run of the overview kept, by the name of its bytes, and the bytes.

        Raises:
            NotFound: none of these runs kept it, it cannot be shown as an image, or its bytes are gone.
        """
        ...

    def promote(self, loop: str, reason: str) -> str:
        """Put the loop's challenger in charge; return a sentence that says so.

        Raises:
            NotFound: there is no such loop, or no challenger.
            PromotionRefused: no passed verdict stands behind it.
        """
        ...

    def rollback(self, loop: str, reason: str) -> str:
        """Stop the loop's rollout, or put the champion before back in charge; return a sentence that says so.

        Raises:
            NotFound: there is no such loop, or nothing to go back to.
        """
        ...
