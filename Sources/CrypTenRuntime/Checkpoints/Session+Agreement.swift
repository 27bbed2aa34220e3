package import CrypTenBase
import Crypto
import Foundation

/// What the parties tell each other outside of runs, all of it public.
extension Session {
    /// Each party tells all others some bytes, or that it has none to tell.
    ///
    /// - Parameters:
    ///   - own: This party's, or why there are none.
    ///   - reason: What the others are told where there are none.
    ///   - limit: How long to wait for each step of a party that lives, where it's due at once; nil: the session's patience.
    /// - Returns: The parties' bytes, in their order.
    /// - Throws: where a party has none, its own error there and `.partyFailed` elsewhere; the session lives. Otherwise as
    ///   ``broadcast(from:refusing:within:_:)``.
    /// - Complexity: each party sends its bytes, and one more, to each other; they count in no total.
    package func tellEachOther(
        _ own: Result<[UInt8], any Error>,
        refusing reason: PublicReason,
        within limit: Duration? = nil
    ) async throws -> [[UInt8]] {
        let message: [UInt8] =
            switch own {
            case .success(let bytes): [1] + bytes
            case .failure: [0]
            }
        var told: [[UInt8]] = []
        do {
            for index in 0..<partyCount {
                told.append(try await broadcast(from: PartyID(index), within: limit) { message })
            }
        } catch {
            // Whoever heard of what is wrong here may have given up already: that says less.
            _ = try own.get()
            throw error
        }
        _ = try own.get()
        for (index, bytes) in told.enumerated() where bytes.first != 1 {
            throw CrypTenError(
                .partyFailed,
                "\(PartyID(index)) refused this call: \(reason.sentence(about: nil))",
                telling: Disclosure(reason, from: .party(PartyID(index)))
            )
        }
        return told.map { Array($0.dropFirst()) }
    }

    /// Compares what must be equal at all parties.
    ///
    /// - Parameters:
    ///   - items: Names and what is said of each, in the order that they must have.
    ///   - place: What they are items of, in an error.
    /// - Throws: `.diverged`, at every party, naming the first item that differs, and how; the session lives.
    /// - Complexity: each party sends 33 bytes to each other, and all items where they differ.
    package func agree(on items: [(name: String, value: String)], in place: String) async throws {
        let encoded = try JSONEncoder().encode(items.map { [$0.name, $0.value] })
        let digests = try await tellEachOther(.success(Array(SHA256.hash(data: encoded))), refusing: .unnamed)
        if digests.allSatisfy({ $0 == digests[0] }) { return }
        let lists = try await tellEachOther(.success(Array(encoded)), refusing: .unnamed).enumerated().map {
            index,
            bytes in
            let pairs = try? JSONDecoder().decode([[String]].self, from: Data(bytes))
            guard let pairs, pairs.allSatisfy({ $0.count == 2 }) else {
                throw CrypTenError(.malformedFrame, "\(PartyID(index)) said of \(place) what can't be read")
            }
            return pairs
        }
        for (index, list) in lists.enumerated() {
            guard
                let position = (0..<max(list.count, lists[0].count)).first(where: { list.item($0) != lists[0].item($0) }
                )
            else { continue }
            throw CrypTenError(
                .diverged,
                """
                \(place) differs between the parties: \(PartyID(0)) has \(Session.words(lists[0].item(position))), \(PartyID(index)) has \
                \(Session.words(list.item(position))); all parties must run the same program
                """
            )
        }
        throw CrypTenError(.diverged, "\(place) differs between the parties; all must run the same program")
    }

    private static func words(_ item: [String]?) -> String {
        guard let item else { return "nothing there" }
        return "'\(item[0])' (\(item[1]))"
    }
}

extension [[String]] {
    fileprivate func item(_ position: Int) -> [String]? {
        position < count ? self[position] : nil
    }
}
