/// What `apus load --help` says beside the options.
nonisolated enum LoadHelp {
    static let discussion = """
        Examples:
          apus load http://127.0.0.1:8080/           10 s, 64 connections
          apus load -c 256 -d 30s -t 2 URL           from two processes
          apus load -n 100000 --pipeline 16 URL      exactly so many requests
          apus load -R 5k --arrivals poisson URL     5,000 a second, at random
          apus load -R 5k --fail-if 'p99>20ms' URL   for a pipeline: status 2 if so
          apus load -R 5k --html report.html URL     with a page of plots
          apus load --steps 1k,2k,5k -d 10s URL      how much is too much
          apus load --insecure https://127.0.0.1/    over TLS, with any certificate
          apus load ws://127.0.0.1:8080/chat         WebSocket; also text, frame, tcp
          apus load -m PUT --body @data.bin URL      with a body
          apus load -H 'X-Key: 1' --json=r.json URL  with a report as JSON
          apus load --no-keepalive --unix /run/app.sock http://localhost/

        Exit status: 0 all is well; 1 there were errors, or no connection; 2 a --fail-if came true (where there is \
        one, errors alone are no failure); 64 the command line is wrong.

        Without --rate each connection sends its next request when it has the response: a server that stalls is asked \
        less, and most of those who would have waited do not appear. With --rate requests are due by the clock, and \
        latencies count from then ("service time": from the sending). Choose -c well above rate × latency.

        The JSON report is one object. Counts: requests (completed), unfinished, reconnects, connections_opened, \
        status {1xx…5xx}, errors {total, connect, tls, read, write, timeout, closed_early, malformed}, error_causes. \
        Rates: duration_seconds, requests_per_second, bytes_received, bytes_sent, bytes_per_second. Latencies in \
        µs: latency_us {min, mean, stdev, max, p50, p75, p90, p99, p999, p9999, p99999}; with a rate also \
        service_us, lag_us (how late the load generator was), most_waiting, rate, arrivals. timeline [{start, \
        seconds, requests, errors, bytes_received, p50, p90, p99, max}], thresholds [{fail_if, value, failed}]. \
        How: tool, url, protocol, unix, method, connections, processes, pipeline, keep_alive. Also: interrupted, \
        client_cpu_seconds, client_cpu_percent.

        A response with any status completes its request. A latency counts from the sending of the request, with \
        --pipeline of its batch, with --no-keepalive from the start of its connection. --timeout limits the time \
        between that, or the response before, and the response's last byte.
        """
}
