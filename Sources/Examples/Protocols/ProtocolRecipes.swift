extension RecipeGroup {
    static let protocols = RecipeGroup(
        title: "Protocols of your own",
        recipes: [
            Recipe(
                "JsonNL", "a JSON value a line",
                .service(JsonNL.set)),
            Recipe(
                "JsonNLClient", "sends it JSON values",
                .client(JsonNL.ask)),
            Recipe(
                "JsonInt", "JSON behind a binary length",
                .service(JsonInt.set)),
            Recipe(
                "JsonIntClient", "sends it JSON values",
                .client(JsonInt.ask)),
            Recipe(
                "XmlProtocol", "XML behind a length of ten digits",
                .service(XmlProtocol.set)),
            Recipe(
                "XmlProtocolClient", "sends it XML documents",
                .client(XmlProtocol.ask)),
            Recipe(
                "BinaryTransfer", "receives files, as bytes",
                .service(BinaryTransfer.set)),
            Recipe(
                "BinaryTransferClient", "sends it a file",
                .client(BinaryTransfer.sendFile)),
            Recipe(
                "TextTransfer", "receives files, as lines of JSON",
                .service(TextTransfer.set)),
            Recipe(
                "TextTransferClient", "sends it a file",
                .client(TextTransfer.sendFile)),
        ])
}
