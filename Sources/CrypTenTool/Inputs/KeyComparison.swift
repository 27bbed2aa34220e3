import CrypTen
import CrypTenONNX
import CrypTenRuntime

/// Whether rows of several parties are of the same keys, in the same order.
///
/// Each party's keys become a digest under a secret that all parties have and the dealer lacks. The digests are compared in secret, and
/// whether all are equal is revealed: a digest that another party got would let it try lists of keys.
struct KeyComparison: Sendable {
    /// The input whose rows they are of.
    var input: String
    /// The parties that have keys.
    var owners: [PartyID]

    /// Numbers of a digest: whole ones of 32 bits.
    static let words = 8

    /// The layer that its cost is shown under.
    var layer: String { "keys of '\(input)'" }

    /// A bit as a number: 1 where all digests are equal.
    func expression(_ digests: [CrypTensor]) -> CrypTensor {
        withLayer(layer) {
            let equal = digests.dropFirst().map { ($0 .== digests[0]).toInteger() }
            let sum = equal.dropFirst().reduce(equal[0]) { $0 + $1 }.sum(axes: [0])
            return (sum .== KeyComparison.words * equal.count).toInteger()
        }
    }

    /// A digest's numbers.
    static func numbers(_ digest: [UInt8]) -> Tensor {
        let numbers = (0..<words).map { word in
            (0..<4).reduce(Int64(0)) { $0 << 8 | Int64(digest[word * 4 + $1]) }
        }
        return Tensor(numbers, shape: [words])
    }

    /// Compares them; all parties call it.
    ///
    /// - Parameter own: This party's keys; nil where it has none.
    /// - Throws: `.diverged` at every party where they differ.
    /// - Complexity: a run of eight comparisons for each party but one, and one more.
    func compare(_ own: RowKeys?, on session: Session) async throws {
        let digest = try await session.saltedDigest(of: own?.bytes ?? [])
        var digests: [CrypTensor] = []
        for owner in owners {
            digests.append(
                try await session.input(from: owner, shape: [KeyComparison.words], kind: .integer, name: layer) {
                    KeyComparison.numbers(digest)
                }
            )
        }
        let told = try await session.reveal([Reveal(expression(digests), to: .all)])
        try await session.alike { if told[0]?.integers?.first != 1 { throw problem } }
    }

    /// Plans comparing, for what it costs.
    func rehearse(_ rehearsal: inout Rehearsal) throws -> RehearsedRun {
        var digests: [CrypTensor] = []
        for owner in owners {
            digests.append(rehearsal.input(from: owner, shape: [KeyComparison.words], kind: .integer, name: layer))
        }
        return try rehearsal.run([Reveal(expression(digests), to: .all)])
    }

    private var problem: CrypTenError {
        let names = owners.map(\.description)
        let list = names.dropLast().joined(separator: ", ") + " and " + (names.last ?? "")
        return CrypTenError(
            .diverged,
            """
            input '\(input)': the keys of \(list) aren't the same ones in the same order, so their rows don't belong together, and nothing was \
            computed; bring the tables into the same rows first, as by a join that both agree on: which rows two parties have in common isn't found here
            """
        )
    }
}
