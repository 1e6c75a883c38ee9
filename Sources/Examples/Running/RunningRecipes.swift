extension RecipeGroup {
    static let running = RecipeGroup(
        title: "Processes, timers and life in production",
        recipes: [
            Recipe(
                "TimerDemo", "what timers can do",
                tryIt: ["curl http://127.0.0.1:1237/sleep    and look at the log"],
                .service(TimerDemo.set)),
            Recipe(
                "CrontabDemo", "work at times of the calendar",
                tryIt: [
                    "curl http://127.0.0.1:1238/    and look at the log",
                    "curl -X DELETE 'http://127.0.0.1:1238/?name=often'",
                ],
                .service(CrontabDemo.set)),
            Recipe(
                "MaxRequests", "replaces processes that have served enough, or have grown",
                tryIt: ["curl -s 'http://127.0.0.1:1239/?[1-3000]' | sort | uniq | cut -d, -f1 | uniq -c"],
                .service(MaxRequests.set)),
            Recipe(
                "FileMonitorDemo", "a server that is reloaded when files change",
                .service(FileMonitorDemo.set)),
        ])
}
