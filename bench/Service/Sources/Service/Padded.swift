/// Numbers as texts of many lengths, which show whether they have come as they were sent.
enum Padded {
    static func text(of number: Int) -> String {
        "\(number) " + String(repeating: "\(number % 10)", count: number * 37 % 4001)
    }

    static func number(in text: String) -> Int? {
        guard let number = text.split(separator: " ").first.flatMap({ Int($0) }), text == Self.text(of: number) else {
            return nil
        }
        return number
    }
}
