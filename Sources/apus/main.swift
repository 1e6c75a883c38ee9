import ApusLoad
