import ArgumentParser

/// Options that are taken out of a command line before it is read, for what they say becomes other options.
struct EarlyOptions {
    /// What was given of them; empty for one that takes no value.
    private(set) var given: [String: String] = [:]
    /// The other words, in their order.
    private(set) var rest: [String] = []

    /// - Parameters:
    ///   - options: Those that take a value, behind them or behind a sign.
    ///   - flags: Those that take none.
    /// - Throws: `ValidationError` for one that is given twice, or without its value.
    init(_ options: [String], flags: [String] = [], of arguments: ArraySlice<String>) throws {
        var words = arguments
        while let word = words.popFirst() {
            if flags.contains(word) {
                given[word] = ""
                continue
            }
            guard let option = options.first(where: { word == $0 || word.hasPrefix($0 + "=") }) else {
                rest.append(word)
                continue
            }
            guard given[option] == nil else { throw ValidationError("\(option) is given twice") }
            guard let value = word == option ? words.popFirst() : String(word.dropFirst(option.count + 1)) else {
                throw ValidationError("\(option) wants a value")
            }
            given[option] = value
        }
    }
}
