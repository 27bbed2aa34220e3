import ArgumentParser
import CrypTen
import Foundation

/// Who this member is, and by what it knows the others.
struct IdentityOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Be who this file says, over TLS 1.3: what `crypten identity create` writes.",
            discussion: """
                All members have one, or none. Given several times, the first is shown that is valid at the time. Needed where an \
                address isn't of this machine.
                """,
            valueName: "file"
        )
    )
    var identity: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Know a member by its certificate's fingerprint: 1=3f9a-11c0-…, dealer=….",
            discussion:
                "Twice for a member that changes from one certificate to the next. Its owner reads it out to you.",
            valueName: "i=fingerprint"
        )
    )
    var peerIdentity: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Know a member by the name in its certificate, where an --authority has issued it: 1=clinic.",
            valueName: "i=name"
        )
    )
    var peerName: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The certificate of who issues members' certificates: for all, or for one, as 1=ca.pem.",
            valueName: "[i=]ca.pem"
        )
    )
    var authority: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("Take the certificate with this fingerprint no longer.", valueName: "fingerprint")
    )
    var revoked: [String] = []

    @Flag(
        name: [.customLong("insecure-no-tls"), .customLong("insecure-plaintext")],
        help: "Talk with other machines without TLS, though nothing shows who is at the other end."
    )
    var insecureNoTLS = false

    /// Whether anything is said of identities.
    var isGiven: Bool {
        !(identity + peerIdentity + peerName + authority + revoked).isEmpty
    }

    /// A member as options name it: a party's number, or `dealer`.
    enum Member: Hashable, CustomStringConvertible {
        case party(Int)
        case dealer

        init?(_ text: some StringProtocol) {
            if text == "dealer" {
                self = .dealer
            } else if let index = Int(text), index >= 0 {
                self = .party(index)
            } else {
                return nil
            }
        }

        var description: String {
            switch self {
            case .party(let index): "\(index)"
            case .dealer: "dealer"
            }
        }
    }

    /// Checks what can be checked without files.
    ///
    /// - Parameters:
    ///   - own: Who this member is.
    ///   - count: How many parties there are.
    ///   - hasDealer: Whether there is one.
    func check(own: Member, count: Int, hasDealer: Bool = true) throws {
        guard isGiven else { return }
        guard !identity.isEmpty else {
            throw ValidationError(
                "--identity is missing: who names others says who it is itself (crypten identity create NAME)"
            )
        }
        guard !insecureNoTLS else {
            throw ValidationError("--insecure-no-tls is for members without --identity: leave one of them out")
        }
        let fingerprints = try assignments(peerIdentity, "--peer-identity", own, count)
        let names = try assignments(peerName, "--peer-name", own, count)
        guard hasDealer || !(fingerprints + names).contains(where: { $0.0 == .dealer }) else {
            throw ValidationError("--dealer none: there is no dealer that --peer-identity or --peer-name could know")
        }
        for (_, text) in fingerprints { _ = try IdentityOptions.fingerprint(text) }
        for text in revoked { _ = try IdentityOptions.fingerprint(text) }
        let common = authorities().filter { $0.member == nil }
        for other in ((0..<count).map { Member.party($0) } + (hasDealer ? [.dealer] : [])) where other != own {
            let isNamed = names.contains { $0.0 == other }
            guard isNamed || fingerprints.contains(where: { $0.0 == other }) else {
                throw ValidationError(
                    "nothing says who \(other == .dealer ? "the dealer" : "party \(other)") is: give --peer-identity \(other)=FINGERPRINT, "
                        + "which its owner reads out to you"
                )
            }
            guard !isNamed || !common.isEmpty || authorities().contains(where: { $0.member == other }) else {
                throw ValidationError(
                    "--peer-name \(other)=…: give the --authority that has issued its certificate, too"
                )
            }
        }
    }

    /// Reads the files; nil where nothing is said of identities.
    func membership(own: Member, count: Int, hasDealer: Bool = true) throws -> Membership? {
        try check(own: own, count: count, hasDealer: hasDealer)
        guard isGiven else { return nil }
        var trust: [Member: PeerTrust] = [:]
        for (member, text) in try assignments(peerIdentity, "--peer-identity", own, count) {
            trust[member, default: PeerTrust()].fingerprints.insert(try IdentityOptions.fingerprint(text))
        }
        for (member, name) in try assignments(peerName, "--peer-name", own, count) {
            trust[member, default: PeerTrust()].name = name
        }
        for (member, path) in authorities() {
            let certificate = try MemberCertificate(contentsOf: URL(fileURLWithPath: path))
            for named in trust.keys where member == nil || member == named {
                trust[named]?.authorities.append(certificate)
            }
        }
        var parties: [PartyID: PeerTrust] = [:]
        for index in 0..<count { parties[PartyID(index)] = trust[.party(index)] }
        return try Membership(
            identities: identity.map { try MemberIdentity(contentsOf: URL(fileURLWithPath: $0)) },
            parties: parties,
            dealer: trust[.dealer],
            revoked: Set(revoked.map { try IdentityOptions.fingerprint($0) })
        )
    }

    private static func fingerprint(_ text: String) throws -> Fingerprint {
        do {
            return try Fingerprint(text)
        } catch let error as CrypTenError {
            throw ValidationError(error.message)
        }
    }

    /// Pairs of a member and what is said of it.
    private func assignments(
        _ texts: [String],
        _ option: String,
        _ own: Member,
        _ count: Int
    ) throws -> [(Member, String)] {
        try texts.map { text in
            guard let equals = text.firstIndex(of: "="), let member = Member(text[..<equals]) else {
                throw ValidationError("\(option) \(text): write a party's number or dealer, =, and what it is known by")
            }
            if case .party(let index) = member, index >= count {
                throw ValidationError("\(option) \(text): there are parties 0 to \(count - 1), and the dealer")
            }
            guard member != own else { throw ValidationError("\(option) \(text): this is that member itself") }
            return (member, String(text[text.index(after: equals)...]))
        }
    }

    /// Files of authorities, and for whom each is; nil: for all.
    private func authorities() -> [(member: Member?, path: String)] {
        authority.map { text in
            guard let equals = text.firstIndex(of: "="), let member = Member(text[..<equals]) else {
                return (nil, text)
            }
            return (member, String(text[text.index(after: equals)...]))
        }
    }
}
