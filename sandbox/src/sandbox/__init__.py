"""The marketplaces as local HTTP servers, with faults to switch on."""
