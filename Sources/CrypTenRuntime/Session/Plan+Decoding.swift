package import CrypTenBase
package import CrypTenPlanning
import Crypto
package import Foundation

extension Plan {
    /// Reads and checks a plan that came from a peer: what is in it can be dealt.
    ///
    /// - Throws: `CrypTenError.Code.malformedFrame` for what is no plan; `.malformedFile` for one that can't be dealt, naming the
    ///   step; `.diverged` for another version's.
    package init(decoding bytes: Data, from role: Role) throws {
        do {
            self = try JSONDecoder().decode(Plan.self, from: bytes)
        } catch {
            throw CrypTenError(.malformedFrame, "\(role) sent a plan that can't be read", cause: error)
                .telling(.malformedFrame, about: role)
        }
        do {
            try validate()
        } catch let error as CrypTenError {
            throw error.telling(.malformedFrame, about: role)
        }
    }

    /// SHA-256 of a plan as it is sent.
    package static func fingerprint(of bytes: some DataProtocol) -> [UInt8] {
        Array(SHA256.hash(data: bytes))
    }
}
