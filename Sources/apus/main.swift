import ApusLoad

// A process that another one started for its share of a load has no command line of its own.
LoadProcess.runIfStarted()
ApusCommand.main()
