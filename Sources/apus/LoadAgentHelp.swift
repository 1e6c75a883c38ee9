/// What `apus load agent --help` says beside the options.
nonisolated enum LoadAgentHelp {
    static let discussion = """
        One load from three hosts, with a secret that all of them have in a file:

          openssl rand -hex 32 > secret              once; copy it to all hosts
          apus load agent --listen 0.0.0.0:7788 -t 4 --secret-file secret
                                                     on host1 and host2
          apus load --agents host1,host2 --secret-file secret -c 1024 -R 50k URL
                                                     on a third one

        The agents begin together. Connections, requests and rate are divided among their processes, and there is one \
        report: histograms are merged, not averaged. An agent that is lost ends the run. An agent serves one load \
        after the other until Ctrl-C, and tells whoever comes meanwhile that it is busy.

        An agent puts load on whatever it is told. So it listens on loopback unless told otherwise, and on any other \
        address only with a secret, which both sides prove to know without sending it. What follows is neither \
        encrypted nor sealed, requests and their header fields included: use a private network, or a tunnel to an \
        agent on loopback, as ssh -N -L 7788:127.0.0.1:7788 host1, and --agents 127.0.0.1:7788.

        The URL's host is looked up where apus load runs; 127.0.0.1 is each agent's own. Body and --cacert are read \
        there, too; without --cacert the agents go by the authorities of their own systems.
        """
}
