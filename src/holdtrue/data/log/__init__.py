"""Log: the prediction log, wherever its rows stand: read as one, compacted, kept, erased, asked, profiled."""
