extension RecipeGroup {
    static let running = RecipeGroup(
        title: "Processes, timers and life in production",
        recipes: [
            Recipe(
                "FileMonitorDemo", "a server that is reloaded when files change",
                .service(FileMonitorDemo.set))
        ])
}
