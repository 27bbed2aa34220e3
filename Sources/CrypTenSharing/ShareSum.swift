import CrypTenBase

/// Splitting words among parties, and adding up what parties have: everything mod 2^64.
package enum ShareSum {
    /// The last party's words: what is left of an input when the shares of all others are taken off.
    ///
    /// With the shares of ``ShareExpansion`` any n − 1 of the n parts together are uniformly random, whatever the words.
    ///
    /// - Parameters:
    ///   - words: The input.
    ///   - input: Its name.
    ///   - expansions: Those of parties 0 to n − 2, each under its own seed.
    /// - Returns: As many words.
    /// - Complexity: O(n · words).
    /// - Throws: `.invalidArgument` for more words than can be split.
    package static func lastPart(of words: [UInt64], input: String, _ expansions: [ShareExpansion]) throws -> [UInt64] {
        var rest = words
        for expansion in expansions {
            let share = try expansion.words(of: input, count: words.count)
            for index in rest.indices { rest[index] &-= share[index] }
        }
        return rest
    }

    /// What the parts of all parties come to.
    ///
    /// - Throws: `.shapeMismatch` where they aren't of one length, or where there are none.
    package static func total(of parts: [[UInt64]]) throws -> [UInt64] {
        guard var sum = parts.first, parts.allSatisfy({ $0.count == sum.count }) else {
            throw CrypTenError(
                .shapeMismatch,
                "the parties' parts have \(parts.map { String($0.count) }.joined(separator: ", ")) words: they must be as many at each"
            )
        }
        for part in parts.dropFirst() {
            for index in sum.indices { sum[index] &+= part[index] }
        }
        return sum
    }
}
