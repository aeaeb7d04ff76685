"""The static site: ledger, gallery, errata and differences as pages that open from the file system."""
