package import CrypTenBase
package import CrypTenExpressions
package import CrypTenRing

/// An expression as the passes see it: operations in topological order, sources numbered by first appearance.
///
/// Two expressions of the same form give equal graphs, whatever inputs or kept values they were made of; so a graph is
/// the key under which its plan is cached.
package struct Graph: Hashable, Sendable {
    package struct Entry: Hashable, Sendable {
        package var operation: Primitive
        package var inputs: [Int]
        package var shape: Shape
        package var kind: ElementKind
        package var isSecret: Bool
        package var layer: String?
        /// Where the entry stood before the passes moved it: the key to `GraphSources.origins`.
        package var number: Int
    }

    /// A value that the graph hands out.
    package struct Output: Hashable, Sendable {
        package var entry: Int
        package var destination: Destination

        package init(entry: Int, destination: Destination) {
            self.entry = entry
            self.destination = destination
        }
    }

    /// What becomes of an output.
    package enum Destination: Hashable, Sendable, Codable {
        /// One party, or all where nil, learn it.
        case reveal(to: PartyID?)
        /// The parties keep it, for later runs.
        case keep
        /// The same with so many fraction bits: what small changes are added to, as a network's parameters.
        case keepFine(fractionBits: Int)
        /// The parties keep shares of it after a fresh sharing of zero: what each may hand to somebody who adds them up.
        case share

        /// What becomes of values that are kept, with so many fraction bits where there are any.
        package static func keep(fractionBits: Int?) -> Destination {
            fractionBits.map { .keepFine(fractionBits: $0) } ?? .keep
        }
    }

    package var entries: [Entry] = []
    package var outputs: [Output] = []

    package init() {}

    /// For every entry, the entries that read it, in order; an entry that reads it twice is there twice.
    package var consumers: [[Int]] {
        var out = [[Int]](repeating: [], count: entries.count)
        for (index, entry) in entries.enumerated() {
            for (place, input) in entry.inputs.enumerated() {
                // What comes later reads nothing of what it waits for.
                if case .notBefore = entry.operation, place == 1 { continue }
                out[input].append(index)
            }
        }
        return out
    }
}

/// What one run reads of a value that an earlier one kept.
package struct KeptRead: Hashable, Sendable, Codable {
    /// The session's number of the value.
    package var number: Int
    /// The rows that are read, in their order, or all where nil: known to all members, the dealer included.
    package var rows: [Int]?

    package init(_ number: Int, rows: [Int]? = nil) {
        self.number = number
        self.rows = rows
    }
}

/// What a graph's numbered sources stand for in one run.
package struct GraphSources: Sendable {
    /// The session's number of each `.input` of the graph.
    package var inputs: [Int] = []
    /// What is read of the session's kept values for each `.kept`.
    package var kept: [KeptRead] = []
    /// The public expressions that the run evaluates in the clear for each `.publicInput`.
    package var plain: [Node] = []
    /// The session's number of each `.random` and `.shuffle`: so that a value drawn once is not drawn again.
    package var random: [Int] = []
    /// Where in the user's code each entry was written, by its `number`: for checks, and no part of a graph's form.
    package var origins: [SourceOrigin?] = []

    init() {}

    /// The sources of a plan that reads kept values alone.
    package init(kept: [KeptRead]) {
        self.kept = kept
    }
}
