public import Foundation

/// By what the parties know a client.
public struct ClientIdentity: Sendable {
    enum Kind: Sendable {
        case certificate(chain: URL, key: URL)
        case tokens(@Sendable (String) async throws -> String)
        case none
    }

    let kind: Kind

    /// A certificate whose fingerprint stands in the cluster file, shown in TLS.
    ///
    /// - Parameters:
    ///   - file: The certificate in PEM form, those that issued it behind it.
    ///   - key: Its private key in PEM form.
    /// - Returns: The identity; the files are read when a client is made.
    public static func certificate(_ file: URL, key: URL) -> ClientIdentity {
        ClientIdentity(kind: .certificate(chain: file, key: key))
    }

    /// A token for each party, made or fetched for each question.
    ///
    /// - Parameter make: Given a party's audience, `CELL/PARTY`, returns a token for this party and no other.
    /// - Returns: The identity.
    public static func tokens(_ make: @escaping @Sendable (String) async throws -> String) -> ClientIdentity {
        ClientIdentity(kind: .tokens(make))
    }

    /// None, for parties on this machine that ask for none.
    static let none = ClientIdentity(kind: .none)
}
