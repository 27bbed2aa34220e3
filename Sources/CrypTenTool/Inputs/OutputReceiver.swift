import ArgumentParser
import CrypTen
import CrypTenONNX

/// Who learns an output, on the command line: `NAME@1`, `NAME@0,2`, `NAME@all`; without a name all outputs, `@1` or `all`.
struct OutputReceiver: ExpressibleByArgument, Hashable, Sendable, Codable {
    /// Nil: all outputs.
    var name: String?
    /// Nil: all parties.
    var parties: [Int]?

    init(name: String?, parties: [Int]?) {
        (self.name, self.parties) = (name, parties)
    }

    init?(argument: String) {
        if argument == "all" { return }
        guard let sign = argument.lastIndex(of: "@") else { return nil }
        if sign != argument.startIndex { name = String(argument[..<sign]) }
        let text = argument[argument.index(after: sign)...]
        if text == "all" { return }
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.allSatisfy({ $0.map { (0..<64).contains($0) } ?? false }) else { return nil }
        parties = Set(numbers.compactMap { $0 }).sorted()
    }

    /// How it stands on a command line.
    var argument: String {
        (name ?? "") + "@" + (parties.map { $0.map(String.init).joined(separator: ",") } ?? "all")
    }

    /// - Throws: `ValidationError` for a party that there isn't.
    func check(parties count: Int) throws {
        if let stranger = parties?.first(where: { $0 >= count }) {
            throw ValidationError(
                "--receive \(argument): there is no party \(stranger), there are parties 0 to \(count - 1)"
            )
        }
    }
}

/// An output that is computed, and who learns it.
struct ReceivedOutput: Sendable {
    /// Its place among the model's outputs.
    var index: Int
    var output: ONNXModel.Output
    /// In order.
    var parties: [Int]

    /// What is revealed of it: to all at once, or to one after the other in the same round.
    func reveals(_ expression: CrypTensor, of count: Int) -> [Reveal] {
        if parties.count == count { return [Reveal(expression, to: .all)] }
        return parties.map { Reveal(expression, to: .party($0)) }
    }

    /// Which of its reveals tells a party; nil: none.
    func place(of party: Int, of count: Int) -> Int? {
        guard let place = parties.firstIndex(of: party) else { return nil }
        return parties.count == count ? 0 : place
    }

    /// The outputs of a model that somebody learns; what nobody learns isn't computed.
    ///
    /// - Parameter receivers: None: party 0 learns all.
    /// - Throws: `.invalidArgument` for an output that the model hasn't, or a party that there isn't.
    static func all(of model: ONNXModel, _ receivers: [OutputReceiver], parties count: Int) throws -> [ReceivedOutput] {
        if receivers.isEmpty {
            return model.outputs.enumerated().map { ReceivedOutput(index: $0, output: $1, parties: [0]) }
        }
        for receiver in receivers {
            if let name = receiver.name, !model.outputs.contains(where: { $0.name == name }) {
                throw CrypTenError(
                    .invalidArgument,
                    "--receive \(receiver.argument): the model has no output '\(name)'; it has \(model.outputs.map(\.name).joined(separator: ", "))"
                )
            }
            if let parties = receiver.parties, !parties.allSatisfy((0..<count).contains) || parties.isEmpty {
                throw CrypTenError(
                    .invalidArgument,
                    "--receive \(receiver.argument): there are parties 0 to \(count - 1)"
                )
            }
        }
        return model.outputs.enumerated().compactMap { index, output in
            let own = receivers.filter { $0.name == nil || $0.name == output.name }
            let parties =
                own.contains { $0.parties == nil } ? Array(0..<count) : Set(own.flatMap { $0.parties ?? [] }).sorted()
            return parties.isEmpty ? nil : ReceivedOutput(index: index, output: output, parties: parties)
        }
    }
}
