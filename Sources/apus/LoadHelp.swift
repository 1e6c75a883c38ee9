/// What `apus load --help` says: a screen of 80 × 24 for each topic.
nonisolated enum LoadHelp: String, CaseIterable {
    case overview, load, requests, connections, protocols, checks, output, json, latency, compare, hosts, habits

    var text: String {
        switch self {
        case .overview: Self.overviewText
        case .load: Self.loadText
        case .requests: Self.requestsText
        case .connections: Self.connectionsText
        case .protocols: Self.protocolsText
        case .checks: Self.checksText
        case .output: Self.outputText
        case .json: Self.jsonText
        case .latency: Self.latencyText
        case .compare: Self.compareText
        case .hosts: Self.hostsText
        case .habits: Self.habitsText
        }
    }

    private static let overviewText = """
        apus load [options] URL ...     puts load on a server, measures how it does

          -c, --connections N    open at the same time (64)
          -d, --duration TIME    how long: 500ms, 10s, 2m (10s without -n)
          -n, --requests N       how many requests, exactly
          -R, --rate N           requests a second, whatever the server does: 500, 10k
          -t, --threads N        processes; one keeps one core busy (1)

        apus load http://127.0.0.1:8080/            10 s, 64 connections
        apus load -c 256 -d 30s -t 2 URL            from two processes
        apus load -R 5k --arrivals poisson URL      5,000 a second, at random
        apus load --steps 1k,2k,5k -d 10s URL       how much is too much
        apus load -R 5k --fail-if 'p99>20ms' URL    for a pipeline: status 2 if so
        apus load ws://127.0.0.1:8080/chat          WebSocket, and other protocols

        More: apus load --help TOPIC, or -h TOPIC
          load         how much, how long     requests     what is asked
          connections  TLS, Unix, sources     protocols    WebSocket, text, UDP, ...
          checks       fail a pipeline        output       text, JSON, HTML, CSV
          json         keys of the report     latency      what is measured
          compare      two sets of runs       hosts        load from many hosts
          habits       what people type for wrk and ab
        """

    private static let loadText = """
        How much load, and for how long

          -c, --connections N    open at the same time (64)
          -d, --duration TIME    how long; with --steps each of them (--step-duration)
          -n, --requests N       how many requests, exactly; with -d what comes first
          -R, --rate N           requests a second, whatever the server does
          --arrivals WHICH       of a rate: constant, or poisson for at random
          --steps N,N,...        rates one after the other, to find what is too much
          --warm-up TIME         the same load before anything is measured
          --ramp TIME            opens the connections evenly within so long
          --pipeline N           requests sent at once on a connection (1)
          --no-keepalive         a new connection for each request
          --timeout TIME         for a response, or a connect (5s)
          -t, --threads N        processes; one keeps one core busy (1)

        Without a rate each connection sends its next request when it has the
        response: as much as the server can do. With a rate requests are due by
        the clock, as those of real users are: choose -c well above rate x latency.

        apus load -n 100000 --pipeline 16 URL       exactly so many requests
        apus load --steps 1k,2k,5k,10k -d 10s URL   up to which rate it keeps up
        """

    private static let requestsText = """
        What is asked over HTTP

          -m, --method METHOD    GET, or POST with a body
          -H, --header FIELD     'Name: value'; may be repeated
          --body TEXT            the body: text, @FILE, or - for standard input
          --weights N,N,...      how often each of several URLs is asked
          --data FILE            CSV whose first line has names; a row per request
          --cookies              each connection sends back what it was given
          --follow-redirects     on the same server; latency ends with the last
          --expect-status LIST   others are errors: 200, 2xx, 200-204, 200,404
          --expect-body TEXT     bodies without it are errors; or @FILE

        In URLs, fields and body: {{seq}} is the number of the request, {{random}}
        and {{random:1-6}} a number at random, {{name}} a value of the row of --data.
        What is more than that is written in Swift, with the library ApusLoad.

        apus load -m PUT --body @data.bin -H 'X-Key: 1' URL
        apus load --weights 8,1,1 URL/ URL/search?q={{random}} URL/login
        apus load --data users.csv --body '{"user":"{{name}}"}' URL
        """

    private static let connectionsText = """
        Where connections go, and where they come from

          --unix PATH            to this Unix socket
          --source LIST          from these local addresses, in turns:
                                 127.0.1.1-127.0.1.9, 127.0.1.0/28
          --ramp TIME            opened evenly within so long
          --hold                 opened, kept idle for the duration, then used once
          --insecure             TLS: take any certificate
          --cacert FILE          TLS: the authorities of the certificate, in PEM
          --sni NAME             TLS: the name to ask for (the URL's host)
          --no-resumption        TLS: a whole handshake for each connection

        Towards one port a local address is good for some 28,000 connections, and
        a process for as many as it may have open files (ulimit -n).

        apus load --insecure https://127.0.0.1/
        apus load --no-keepalive --unix /run/app.sock http://localhost/
        apus load --hold -c 100000 -t 8 --ramp 10s -d 30s \\
            --source 127.0.1.0/28 ws://127.0.0.1:8080/
        """

    private static let protocolsText = """
        What is spoken: the scheme of the URL says it

          http://  https://      HOST[:PORT][/PATH][?QUERY]
          ws://  wss://          WebSocket: a message, and one that comes back
          text://HOST:PORT       a line, and one that comes back
          frame://HOST:PORT      a message behind its length, and one that comes back
          tcp://HOST:PORT        bytes, and as many that come back
          udp://HOST:PORT        a datagram, and one that comes back in time

          --body TEXT            what is sent; text, @FILE, or - for standard input
          --broadcast            what is sent comes to every connection; with --rate,
                                 from one process. Latencies are those of each
          --receive              counts what the server sends by itself, after the
                                 body if there is one; tells the time between two

        apus load --body '{{seq}} ping' ws://127.0.0.1:8080/
        apus load --broadcast -R 100 -c 1000 ws://127.0.0.1:8080/chat
        apus load --receive --body subscribe -d 60s text://127.0.0.1:7000
        """

    private static let checksText = """
        Checks, for a pipeline

          --fail-if CONDITION    ends with status 2 if so; may be repeated

        p50 ... p99.999, mean, min, max   with a time:  p99>20ms
        rate                              a second:     rate<5k
        requests, errors, unfinished,     a number, or a share of all requests:
        unsuccessful (no 2xx or 3xx)      errors>0.1%  unsuccessful>0
        Compared with  >  >=  <  <=

        Exit status
          0    all is well
          1    there were errors, or no connection
          2    a --fail-if came true; where there is one, errors alone are no failure
          64   the command line is wrong

        apus load -R 5k -d 30s --fail-if 'p99>20ms' --fail-if 'errors>0.1%' URL
        """

    private static let outputText = """
        What comes out, beside the report as text

          --json[=FILE]          the report as JSON, instead of as text or into a file
          --html FILE            a page with plots, which needs no network
          --csv FILE             the run second by second
          --hgrm FILE            the distribution, for HdrHistogram's plotters
          -q, --quiet            tells nothing while it runs

        While it runs, standard error tells how it goes: a terminal with lines that
        are redrawn in place (with TERM=dumb not), anything else with a line a
        second, or every ten in runs of more than a minute.

        apus load -R 5k --html report.html URL
        apus load -R 5k --json=r.json URL
        apus load -R 5k --json URL | jq .latency_us.p99
        """

    private static let jsonText = """
        Keys of the JSON report

        tool, url, urls, protocol, exchange, unix, method, connections, processes,
        pipeline, keep_alive, rate, arrivals, warm_up_seconds: what was put on
        requests (completed), unfinished, reconnects, redirects, deliveries,
        connections_opened, handshakes, resumptions, interrupted: what happened
        status {1xx ... 5xx}, errors {total, connect, tls, read, write, timeout,
        closed_early, malformed, unexpected}, error_causes {the first of each kind}
        duration_seconds, requests_per_second, bytes_received, bytes_sent,
        bytes_per_second, held_seconds, opening_seconds
        latency_us {min, mean, stdev, max, p50, p75, p90, p99, p999, p9999, p99999}
        with a rate also service_us (from the sending), lag_us (how late the load
        generator was), most_waiting (requests that were due)
        timeline [{start, seconds, requests, errors, bytes_received,
        p50, p90, p99, max}]: second by second, longer in long runs
        thresholds [{fail_if, value, failed}]
        client_cpu_seconds, client_cpu_percent (of the busiest process),
        client_memory_bytes, agents [{address, processes, requests, ...}]
        With --steps: knee (a rate, or null), steps [reports with kept_up]
        """

    private static let latencyText = """
        What is measured

        A latency ends with the last byte of the response. It begins
          without a rate         when the request was sent (with --pipeline its batch)
          with a rate            when the request was due, sent or not; "service time"
                                 begins when it was sent
          with --no-keepalive    when its connection was begun
        A response with any status counts, unless --expect-status says otherwise.

        A server that stalls is asked less without a rate, and most of those who
        would have waited do not appear ("coordinated omission"). With a rate they
        all do: use one to learn about latencies. (wrk makes up what it has not
        sent, which is right for stalls and wrong where some requests take longer.)

        The report says when it was the load generator that was busy or late, and
        when the rate was more than the server, or so many connections, can do.
        """

    private static let compareText = """
        Comparing runs

          --compare A B          which side is faster, and is it noise; each a JSON
                                 report, or several with commas

        Tells how many times the figures of B are those of A, each with a 95 %
        interval: Welch's t of logarithms for rates, latencies and CPU, Newcombe's
        of Wilson's for errors. With several runs, taken in turns, a run is a
        sample. Of single runs the seconds are, which are not independent: they
        show less doubt than there is. Goes with --json alone.

        for i in 1 2 3; do
            apus load -d 10s --json=a$i.json http://127.0.0.1:8080/
            apus load -d 10s --json=b$i.json http://127.0.0.1:8081/
        done
        apus load --compare a1.json,a2.json,a3.json b1.json,b2.json,b3.json
        """

    private static let hostsText = """
        Load from many hosts

          --agents HOSTS         these put on the load: host1,host2:7788
          --secret-file FILE     what they and this one know; else APUS_LOAD_SECRET

        On each of them an agent has to run: see apus load agent --help.
        Connections, requests and rate are divided among the agents' processes, who
        begin together. There is one report: histograms are merged, not averaged. An
        agent that is lost ends the run.

        The secret is not sent, but what follows is neither encrypted nor sealed,
        header fields included: use a private network, or a tunnel.

        openssl rand -hex 32 > secret       once; copy it to all hosts
        apus load agent --listen 0.0.0.0:7788 -t 4 --secret-file secret
        apus load --agents host1,host2 --secret-file secret -c 1024 -R 50k URL
        """

    private static let habitsText = """
        What people type for wrk and ab

        wrk  -t4 -c100 -d30s -H FIELD --latency     mean the same
             -s FILE    scripts in Lua are not run: see --help requests, and the
                        library ApusLoad for what needs a program
             --timeout  the same
        wrk2 -R 5000    the same as --rate

        ab   -n 1000 -c 10 -H FIELD                 mean the same
             -k         kept alive is what is done unless --no-keepalive says not to
             -p FILE    posts it, as --body @FILE
             -T TYPE    its type, as -H 'Content-Type: TYPE'
             -e FILE    milliseconds by percent, as CSV
             -g FILE    a line for each request is not written: see --csv, --hgrm

        hey, oha  -z 30s is -d 30s, -q 100 is -R, in all; -m, -H as there
        """
}
