import CrypTenBase
public import Foundation
import SwiftASN1
import X509

/// Who a member is: a certificate, and the key that shows that it is its own.
///
/// The key is never printed or logged.
public struct MemberIdentity: Sendable, CustomStringConvertible, CustomReflectable {
    /// What others know it by.
    public let certificate: MemberCertificate
    /// Key and certificate in PEM form: for a file that nobody else reads.
    package let secretPEM: String
    let key: Certificate.PrivateKey
    /// The key alone, in PEM form.
    package let keyPEM: String

    /// A certificate and its key.
    ///
    /// - Throws: `.malformedFile` for a key that isn't the certificate's, or of a kind that TLS isn't spoken with here.
    init(_ certificate: MemberCertificate, _ key: Certificate.PrivateKey) throws {
        guard key.publicKey == certificate.certificate.publicKey else {
            throw CrypTenError(
                .malformedFile,
                "the key isn't that of the certificate of \"\(certificate.name)\": both must come from the same "
                    + "`crypten identity create`"
            )
        }
        guard certificate.hasUsableKey else {
            throw CrypTenError(
                .malformedFile,
                "the key of \"\(certificate.name)\" can't be used: P-256 and P-384 can, and `crypten identity create` makes the first"
            )
        }
        do {
            keyPEM = try key.serializeAsPEM().pemString
        } catch {
            throw CrypTenError(.malformedFile, "the key of \"\(certificate.name)\" can't be used")
        }
        self.certificate = certificate
        self.key = key
        secretPEM = keyPEM + "\n" + certificate.pem
    }

    /// Reads a PEM text that holds a key and its certificate.
    ///
    /// - Throws: `.malformedFile` for a text without one of them, and for a key that isn't the certificate's.
    public init(pem: String) throws {
        let documents = try PEMText.documents(pem)
        guard let document = documents.first(where: { $0.discriminator.hasSuffix("PRIVATE KEY") }) else {
            throw CrypTenError(
                .malformedFile,
                "there is no key in it: an identity holds a key and its certificate, as `crypten identity create` writes them"
            )
        }
        let key: Certificate.PrivateKey
        do {
            key = try Certificate.PrivateKey(pemDocument: document)
        } catch {
            // Not the cause: it may quote what it couldn't read.
            throw CrypTenError(
                .malformedFile,
                "its key can't be read: P-256 and P-384 in PEM form, without a passphrase, can"
            )
        }
        try self.init(MemberCertificate(pem: pem), key)
    }

    /// Reads an identity from its owner's file.
    ///
    /// - Throws: `.fileNotReadable` for a file that is missing or can't be read; `.invalidArgument` for one that other users may
    ///   read; `.malformedFile` for one that is none.
    public init(contentsOf url: URL) throws {
        self = try SecretFile.secret(in: url, called: "identity") {
            try MemberIdentity(pem: String(decoding: $0, as: UTF8.self))
        }
    }

    public var description: String { "the identity of \"\(certificate.name)\"" }

    public var customMirror: Mirror { Mirror(self, children: []) }
}
