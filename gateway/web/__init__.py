"""The web face: pages for agency staff, information governance and advocates."""
