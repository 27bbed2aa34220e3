import CrypTenBase
import CrypTenIdentity
import Yams

/// One place of a cluster file as it is read: what isn't as it should be is noted with its line, and reading goes on.
struct ClusterNode {
    /// Where faults are put together.
    final class Notes {
        var faults: [ClusterFault] = []
        /// How much more may be read: a short file can stand for a very long one where parts of it are named again.
        var budget = 100_000
    }

    let node: Node
    /// What the place is called: `members.clinic.address`.
    let path: String
    let notes: Notes

    /// - Parameter node: Checked for what no part of a cluster file may have.
    init(_ node: Node, path: String, notes: Notes) {
        (self.node, self.path, self.notes) = (node, path, notes)
        notes.budget -= 1
        if let anchor = node.anchor {
            fault(
                "'\(anchor.rawValue.prefix(40))' is named to be repeated elsewhere (& and *): write every part out where it stands"
            )
        }
    }

    func fault(_ message: String) {
        notes.faults.append(ClusterFault(message, line: node.mark?.line, column: node.mark?.column))
    }

    func warning(_ message: String) {
        notes.faults.append(ClusterFault(message, gravity: .warning, line: node.mark?.line, column: node.mark?.column))
    }

    // MARK: Mappings

    /// The parts of a mapping, each known key once at the most; others are faults.
    ///
    /// - Parameters:
    ///   - known: The keys that there may be.
    ///   - required: Those that there must be.
    func fields(_ known: [String], required: [String] = []) -> [String: ClusterNode] {
        var fields: [String: ClusterNode] = [:]
        for (name, value) in entries("\(path.isEmpty ? "a cluster file" : path)") {
            guard known.contains(name) else {
                let near = known.min { ClusterNode.distance($0, name) < ClusterNode.distance($1, name) }
                let guess = near.flatMap { ClusterNode.distance($0, name) <= 2 ? "; did you mean '\($0)'?" : nil }
                value.fault(
                    "'\(name.prefix(60))' says nothing here"
                        + (guess ?? "; there may be \(known.joined(separator: ", "))")
                )
                continue
            }
            fields[name] = value
        }
        for name in required where fields[name] == nil {
            fault("\(path.isEmpty ? "" : path + ": ")'\(name)' is missing")
        }
        return fields
    }

    /// The parts of a mapping whose keys are names.
    func entries(_ what: String) -> [(name: String, value: ClusterNode)] {
        guard notes.budget > 0 else { return [] }
        guard case .mapping(let mapping) = node else {
            if !isEmpty { fault("\(what) is made of names and what belongs to them, with a colon between") }
            return []
        }
        return mapping.compactMap { key, value in
            guard let name = key.scalar?.string, key.anchor == nil else {
                fault("\(what): a name must be plain text")
                return nil
            }
            let value = ClusterNode(value, path: path.isEmpty ? name : "\(path).\(name)", notes: notes)
            return value.node.anchor == nil && notes.budget > 0 ? (name, value) : nil
        }
    }

    /// A part of a part, as it stands there; this one where there is no such part.
    func part(_ names: String...) -> ClusterNode {
        var place = self
        for name in names {
            guard case .mapping(let mapping) = place.node,
                let next = mapping.first(where: { $0.key.scalar?.string == name })?.value
            else { return place }
            place = ClusterNode(next, path: "\(place.path).\(name)", notes: notes)
        }
        return place
    }

    /// Whether the word `none` stands there.
    var isNone: Bool {
        guard case .scalar(let scalar) = node else { return false }
        return scalar.string == "none"
    }

    /// Whether nothing was written.
    var isEmpty: Bool {
        guard case .scalar(let scalar) = node else { return false }
        return scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
    }

    // MARK: Values

    func items() -> [ClusterNode] {
        if isEmpty || notes.budget <= 0 { return [] }
        guard case .sequence(let sequence) = node else {
            fault("\(path) is a list: write [one, two], or each in a line of its own behind a hyphen")
            return []
        }
        return sequence.enumerated().map { ClusterNode($1, path: "\(path)[\($0)]", notes: notes) }
    }

    func text() -> String? {
        guard case .scalar(let scalar) = node, !isEmpty else {
            fault("\(path) is a text")
            return nil
        }
        return scalar.string
    }

    func number() -> Double? {
        guard case .scalar(let scalar) = node, scalar.style == .plain, let value = Double(scalar.string), value.isFinite
        else {
            fault("\(path) is a number")
            return nil
        }
        return value
    }

    func integer(in range: ClosedRange<Int>) -> Int? {
        guard case .scalar(let scalar) = node, scalar.style == .plain, let value = Int(scalar.string),
            range.contains(value)
        else {
            fault("\(path) is a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    /// A size with its unit: 16MiB.
    func bytes(atLeast least: Int) -> Int? {
        let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)]
        guard case .scalar(let scalar) = node,
            let unit = units.first(where: { scalar.string.hasSuffix($0.0) }),
            let value = Double(scalar.string.dropLast(3)), value >= 0, value < 0x1p30
        else {
            fault("\(path) is a size: write a number and KiB, MiB or GiB, as in 16MiB")
            return nil
        }
        let bytes = Int(value * Double(1 << unit.1))
        guard bytes >= least else {
            fault("\(path) is too small: choose \(least >> 10)KiB or more")
            return nil
        }
        return bytes
    }

    /// A time with its unit: 5ms.
    func duration(in range: ClosedRange<Duration>) -> Duration? {
        let units: [(String, Duration)] = [
            ("ms", .milliseconds(1)), ("s", .seconds(1)), ("min", .seconds(60)), ("h", .seconds(3600)),
        ]
        guard case .scalar(let scalar) = node,
            let unit = units.first(where: {
                Int(scalar.string.dropLast($0.0.count)) != nil && scalar.string.hasSuffix($0.0)
            }),
            let value = Int(scalar.string.dropLast(unit.0.count)), (0...1_000_000).contains(value),
            range.contains(unit.1 * value)
        else {
            fault(
                "\(path) is a time from \(range.lowerBound) to \(range.upperBound): write a number and ms, s, min or h, as in 5ms"
            )
            return nil
        }
        return unit.1 * value
    }

    func fingerprints() -> [Fingerprint] {
        items().compactMap { item in
            guard let text = item.text() else { return nil }
            guard let fingerprint = try? Fingerprint(text) else {
                item.fault(
                    "this is no fingerprint: write its 64 hexadecimal digits, as `crypten identity show` prints them"
                )
                return nil
            }
            return fingerprint
        }
    }

    /// How many letters must change for one word to become the other.
    private static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.prefix(40)), Array(b.prefix(40)))
        var row = Array(0...b.count)
        for (i, letter) in a.enumerated() {
            var previous = row[0]
            row[0] = i + 1
            for (j, other) in b.enumerated() {
                let substituted = previous + (letter == other ? 0 : 1)
                previous = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, previous + 1)
            }
        }
        return row[b.count]
    }
}
