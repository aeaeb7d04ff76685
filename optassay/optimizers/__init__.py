"""Every optimizer of the five papers, each written once as a pure rule on arrays of any namespace."""
