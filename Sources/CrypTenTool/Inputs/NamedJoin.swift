import ArgumentParser
import CrypTen

/// How parties' tensors of one input are put together, on the command line: `NAME=rows`, `NAME=columns`, `NAME=2`, or what follows the
/// sign alone; and in which order, where it isn't that of the parties: `NAME=columns:1,0`.
struct NamedJoin: ExpressibleByArgument, Hashable, Sendable, Codable {
    enum Way: Hashable, Sendable, Codable {
        case rows
        case columns
        case axis(Int)

        init?(_ text: some StringProtocol) {
            switch text {
            case "rows": self = .rows
            case "columns": self = .columns
            default:
                guard let axis = Int(text), (-64..<64).contains(axis) else { return nil }
                self = .axis(axis)
            }
        }

        /// As it stands on a command line.
        var argument: String {
            switch self {
            case .rows: "rows"
            case .columns: "columns"
            case .axis(let axis): "\(axis)"
            }
        }

        /// The axis along which parts stand one after the other.
        var axis: Int {
            switch self {
            case .rows: 0
            case .columns: 1
            case .axis(let axis): axis
            }
        }

        /// The same in words, behind "joined".
        var words: String {
            if case .axis(let axis) = self { "along axis \(axis)" } else { "by \(argument)" }
        }
    }

    var name: String?
    var way: Way
    /// Whose part comes first, second and so on; nil: in the order in which they are given.
    var order: [Int]?

    init(name: String?, way: Way, order: [Int]? = nil) {
        (self.name, self.way, self.order) = (name, way, order)
    }

    init?(argument: String) {
        let sign = argument.lastIndex(of: "=")
        if sign == argument.startIndex { return nil }
        name = sign.map { String(argument[..<$0]) }
        let parts = argument[(sign.map { argument.index(after: $0) } ?? argument.startIndex)...]
            .split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let way = parts.first.flatMap({ Way($0) }) else { return nil }
        self.way = way
        if parts.count == 2 {
            let numbers = parts[1].split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
            guard numbers.allSatisfy({ $0.map { (0..<64).contains($0) } ?? false }) else { return nil }
            order = numbers.compactMap { $0 }
        }
    }

    /// How it stands on a command line.
    var argument: String {
        (name.map { "\($0)=" } ?? "") + way.argument
            + (order.map { ":" + $0.map(String.init).joined(separator: ",") } ?? "")
    }

    /// What is wrong with several of them.
    ///
    /// - Throws: `ValidationError` where two are of one input.
    static func check(_ joins: [NamedJoin]) throws {
        for (index, one) in joins.enumerated() where joins[..<index].contains(where: { $0.name == one.name }) {
            throw ValidationError("--join says twice how parts of \(one.name ?? "the input") are put together")
        }
    }
}
