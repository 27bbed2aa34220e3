import CrypTenIdentity

/// What parts of a cluster file say of each other.
extension ClusterReader {
    func check(_ file: ClusterFile, _ fields: [String: ClusterNode]) {
        let names = file.members.map(\.name)
        let all = names + file.dealers.map(\.name)
        if file.dealers.isEmpty, fields["dealers"]?.isNone != true {
            fields["dealers"]?.fault(
                "dealers: one is needed, where no member has a say; or write `dealers: none`, and the two parties make the correlations themselves"
            )
        }
        if file.dealers.isEmpty, file.members.count > 2 {
            fields["dealers"]?.fault(
                "dealers: none is for two parties, and there are \(file.members.count): name a dealer, or take two members"
            )
        }
        if !file.dealers.isEmpty {
            fields["transfer_tree_height"]?.fault(
                "transfer_tree_height is for parties who make the correlations themselves: leave it out, or write `dealers: none`"
            )
        }
        for name in Set(all) where all.count(where: { $0 == name }) > 1 {
            fields["dealers"]?.fault(
                "'\(name)' is a member and a dealer, or twice one: each has a name of its own, and a dealer is nobody's that has a share"
            )
        }
        checkIdentities(file, fields)
        checkAddresses(file, fields)
        for model in file.models where !names.contains(model.owner) {
            fields["models"]?.part(model.name, "owner").fault(
                "'\(model.owner)' is no member; there are \(names.joined(separator: ", "))"
            )
        }
        for model in file.models where model.inputs.isEmpty {
            fields["models"]?.part(model.name, "inputs").fault(
                "models.\(model.name).inputs: name every input with its shapes and its range"
            )
        }
        let known = file.models.map(\.name)
        for client in file.clients {
            for model in client.models.keys.sorted() where !known.contains(model) {
                fields["clients"]?.part(client.name, "models", model).fault(
                    "there is no model '\(model)'; there are \(known.joined(separator: ", "))"
                )
            }
        }
        if !file.clients.isEmpty, let closed = file.members.first(where: { $0.door == nil }) {
            fields["members"]?.part(closed.name).fault(
                "members.\(closed.name).door is missing: clients call every party"
            )
        }
        for name in file.local.keys.sorted() where !all.contains(name) {
            fields["local"]?.part(name).fault("local.\(name): there is no member or dealer of that name")
        }
    }

    private func checkIdentities(_ file: ClusterFile, _ fields: [String: ClusterNode]) {
        let known =
            file.members.map { ($0.name, $0.identity) } + file.dealers.map { ($0.name, $0.identity) }
            + file.clients.map { ($0.name, $0.certificates) }
        var owners: [Fingerprint: String] = [:]
        for (name, fingerprints) in known {
            for fingerprint in fingerprints {
                if let other = owners[fingerprint] {
                    fields["members"]?.fault(
                        "\(other) and \(name) are known by one fingerprint: each member, dealer and client has a key of its own"
                    )
                }
                owners[fingerprint] = name
                if file.revoked.contains(fingerprint) {
                    fields["revoked"]?.warning(
                        "a certificate of \(name) is revoked and still named: take it out of its identity once a new one is there"
                    )
                }
            }
        }
    }

    private func checkAddresses(_ file: ClusterFile, _ fields: [String: ClusterNode]) {
        let addresses = file.members.map(\.address) + file.dealers.map(\.address)
        for address in Set(addresses) where addresses.count(where: { $0 == address }) > 1 {
            fields["members"]?.fault("\(address) is the address of two: each member and dealer listens at its own")
        }
        // Where two parties' doors are one host, one machine, or one terminator of TLS before both, sees all shares.
        var hosts: [Substring: String] = [:]
        for member in file.members {
            guard let door = member.door else { continue }
            let host = door.drop { $0 != "/" }.dropFirst(2).prefix { $0 != ":" && $0 != "/" }
            if let other = hosts[host], !ClusterFile.isLoopback(String(host)) {
                fields["members"]?.warning(
                    "the doors of \(other) and \(member.name) are one host, \(host): whoever ends TLS there for both sees every question; "
                        + "let a balancer pass TLS through by the name (SNI), or give each its own"
                )
            }
            hosts[host] = member.name
        }
    }
}

extension ClusterFile {
    /// Whether a host is this machine, and nobody else's packets reach it.
    static func isLoopback(_ host: String) -> Bool {
        if ["localhost", "::1", "[::1]"].contains(host) { return true }
        // A number, not a name that begins like one.
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { $0.utf8.allSatisfy { (48...57).contains($0) } && UInt8($0) != nil }
    }

    /// Whether a text can be a name.
    package static func isName(_ text: String) -> Bool {
        let isPlain: (UInt8) -> Bool = { ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) }
        let bytes = Array(text.utf8)
        return (1...63).contains(bytes.count) && isPlain(bytes[0]) && isPlain(bytes[bytes.count - 1])
            && bytes.allSatisfy {
                isPlain($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
            }
    }
}
