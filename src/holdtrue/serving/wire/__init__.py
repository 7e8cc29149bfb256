"""Wire: the forms in which requests and answers travel over HTTP, one file for each."""
