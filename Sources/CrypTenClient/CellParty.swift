import CrypTenBase
import CrypTenSharing
import Crypto
import Foundation
import NIOSSL

/// Where a party of a cell is, and by what it is known before anything is sent to it.
public struct CellParty: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// Where its door stands: `https://HOST:PORT`, perhaps with a path.
    public let url: String
    /// SHA-256 of certificates in DER form, 64 hexadecimal digits; whoever shows one of them is the party, whatever name and dates it has.
    public let fingerprints: [String]
    /// Certificates in PEM form: the party's must be issued by one of them, for the host of ``url``.
    public let authorities: [String]

    /// Scheme, host and port, in one form.
    let address: String
    let isPlaintext: Bool

    /// A party that is known by its certificate.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - url: `https://HOST:PORT`, perhaps with a path.
    ///   - fingerprints: As `crypten identity show` prints them; hyphens, colons and spaces say nothing.
    ///   - authorities: PEM; either these or fingerprints are given.
    /// - Throws: `.invalidArgument` for what can't be used.
    public init(name: String, url: String, fingerprints: [String] = [], authorities: [String] = []) throws {
        try self.init(name: name, url: url, fingerprints, authorities, scheme: "https")
        guard fingerprints.isEmpty != authorities.isEmpty else {
            throw CrypTenError(
                .invalidArgument,
                "party \"\(name)\" needs either fingerprints or authorities to be known by: give one of the two"
            )
        }
    }

    /// A party on this machine, without TLS, for tests: whoever is on the machine may be it.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - url: `http://127.0.0.1:PORT`, or another address of this machine itself.
    ///   - insecurePlaintext: Must be true.
    /// - Throws: `.insecureTransport` for another machine's address, or where it isn't true.
    public init(name: String, url: String, insecurePlaintext: Bool) throws {
        try self.init(name: name, url: url, [], [], scheme: "http")
        let host = URLComponents(string: url)?.host ?? ""
        guard insecurePlaintext, ["127.0.0.1", "::1", "[::1]", "localhost"].contains(host) else {
            throw CrypTenError(
                .insecureTransport,
                "party \"\(name)\" would be asked without TLS: that is for tests, at an address of this machine itself"
            )
        }
    }

    private init(name: String, url: String, _ fingerprints: [String], _ authorities: [String], scheme: String) throws {
        guard !name.isEmpty else {
            throw CrypTenError(
                .invalidArgument,
                "a party of the cell has no name: give each the name that its owner uses"
            )
        }
        guard let parts = URLComponents(string: url), parts.scheme == scheme, let host = parts.host, !host.isEmpty,
            parts.query == nil, parts.fragment == nil, parts.user == nil, (1...65_535).contains(parts.port ?? 443)
        else {
            throw CrypTenError(
                .invalidArgument,
                "the url of party \"\(name)\" isn't \(scheme)://HOST:PORT: correct it in the file of the cell"
            )
        }
        self.name = name
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.fingerprints = try fingerprints.map { text in
            let digits = text.filter { !"-: ".contains($0) }
            guard let bytes = Hexadecimal.decode(digits, count: SHA256.byteCount) else {
                throw CrypTenError(
                    .invalidArgument,
                    "a fingerprint of party \"\(name)\" isn't 64 hexadecimal digits: copy what `crypten identity show` prints there"
                )
            }
            return Hexadecimal.encode(bytes)
        }
        for authority in authorities {
            guard let certificates = try? NIOSSLCertificate.fromPEMBytes(Array(authority.utf8)), !certificates.isEmpty
            else {
                throw CrypTenError(.invalidArgument, "an authority of party \"\(name)\" is no certificate in PEM form")
            }
        }
        self.authorities = authorities
        address = "\(host.lowercased()):\(parts.port ?? (scheme == "https" ? 443 : 80))"
        isPlaintext = scheme == "http"
    }

    /// Whether a certificate, in DER form, is one by which the party is known.
    func isKnown(by der: [UInt8]) -> Bool {
        fingerprints.contains(Hexadecimal.encode(SHA256.hash(data: der)))
    }
}
