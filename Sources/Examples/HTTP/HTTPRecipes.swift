extension RecipeGroup {
    static let http = RecipeGroup(
        title: "HTTP",
        recipes: [
            Recipe(
                "FileDownload", "hands out the files of a folder, in parts where that is asked for",
                .service(FileDownload.set)),
            Recipe(
                "WebSite", "serves a folder to browsers, with an access log",
                .service(WebSite.set)),
            Recipe(
                "RESTService", "JSON in and out, by routes, with a password for changes",
                .service(RESTService.set)),
            Recipe(
                "Guestbook", "a page with a form, uploads, sessions and live updates",
                .service(Guestbook.set)),
            Recipe(
                "HTTPFetch", "asks for one address, and says what came of it",
                .client(HTTPFetch.fetch)),
        ])
}
