import CrypTenBase
import CrypTenDevice
import CrypTenIdentity
import CrypTenRuntime
import Foundation
import Yams

/// Makes a cluster file of its nodes; what is wrong is noted, and reading goes on, so that one look shows everything.
struct ClusterReader {
    private let notes: ClusterNode.Notes

    init(_ notes: ClusterNode.Notes) {
        self.notes = notes
    }

    /// - Returns: What the file says; of no use where a fault was noted.
    func file(_ root: ClusterNode) -> ClusterFile {
        let fields = root.fields(
            [
                "cell", "fraction_bits", "slab_bits", "transfer_tree_height", "members", "dealers", "models", "clients",
                "origins", "revoked", "limits", "local",
            ],
            required: ["cell", "members", "dealers"]
        )
        let file = ClusterFile(
            cell: fields["cell"].flatMap(name) ?? "",
            fractionBits: fields["fraction_bits"]?.integer(in: 4...28) ?? 16,
            slabBits: fields["slab_bits"]?.integer(in: 12...20) ?? 15,
            transferTreeHeight: fields["transfer_tree_height"].flatMap(treeHeight)
                ?? SessionConfiguration().transferTreeHeight,
            members: fields["members"].map(members) ?? [],
            dealers: fields["dealers"].map(dealers) ?? [],
            models: fields["models"]?.entries("models").compactMap(model) ?? [],
            clients: fields["clients"]?.entries("clients").compactMap(client) ?? [],
            origins: fields["origins"]?.items().compactMap(origin) ?? [],
            revoked: Set(fields["revoked"]?.fingerprints() ?? []),
            limits: fields["limits"].map(limits) ?? ClusterFile.Limits(),
            local: Dictionary(
                (fields["local"]?.entries("local") ?? []).map { ($0.name, local($0.value)) },
                uniquingKeysWith: { first, _ in first }
            )
        )
        check(file, fields)
        return file
    }

    private func treeHeight(_ node: ClusterNode) -> Int? {
        guard let text = node.text() else { return nil }
        guard let height = Int(text), [2, 4, 8].contains(height) else {
            node.fault(
                "transfer_tree_height is 2, 4 or 8: how many levels the trees have that transfers are extended by"
            )
            return nil
        }
        return height
    }

    // MARK: Members

    private func members(_ node: ClusterNode) -> [ClusterFile.Member] {
        let members = node.entries("members").compactMap { name, node -> ClusterFile.Member? in
            check(name, of: node)
            let fields = node.fields(
                ["party", "address", "door", "identity", "certificate_name", "authorities"],
                required: ["party", "address"]
            )
            guard let party = fields["party"]?.integer(in: 0...63), let address = fields["address"].flatMap(address)
            else {
                return nil
            }
            let known = knownBy(node, fields)
            return ClusterFile.Member(
                name: name,
                party: party,
                address: address,
                door: fields["door"].flatMap(door),
                identity: known.identity,
                certificateName: known.name,
                authorities: known.authorities
            )
        }.sorted { $0.party < $1.party }
        guard members.map(\.party) == Array(0..<members.count), members.count >= 2 else {
            node.fault(
                "the members' party numbers must be 0 to n − 1, each once, and at least two; here they are \(members.map(\.party))"
            )
            return members
        }
        return members
    }

    /// `none`, where the parties need no dealer, or the dealers by name.
    private func dealers(_ node: ClusterNode) -> [ClusterFile.Dealer] {
        node.isNone ? [] : node.entries("dealers").compactMap(dealer)
    }

    private func dealer(_ name: String, _ node: ClusterNode) -> ClusterFile.Dealer? {
        check(name, of: node)
        let fields = node.fields(["address", "identity", "certificate_name", "authorities"], required: ["address"])
        guard let address = fields["address"].flatMap(address) else { return nil }
        let known = knownBy(node, fields)
        return ClusterFile.Dealer(
            name: name,
            address: address,
            identity: known.identity,
            certificateName: known.name,
            authorities: known.authorities
        )
    }

    private func knownBy(
        _ node: ClusterNode,
        _ fields: [String: ClusterNode]
    ) -> (identity: Set<Fingerprint>, name: String?, authorities: [String]) {
        let identity = fields["identity"]?.fingerprints() ?? []
        let name = fields["certificate_name"]?.text()
        let authorities = fields["authorities"]?.items().compactMap { $0.text() } ?? []
        if identity.isEmpty, name == nil {
            node.fault(
                "\(node.path): 'identity' is missing: the fingerprint that `crypten identity show` prints, read out by its owner"
            )
        }
        if (name == nil) != authorities.isEmpty {
            node.fault(
                "\(node.path): certificate_name and authorities belong together: the one is believed where one of the others vouches for it"
            )
        }
        return (Set(identity), name, authorities)
    }

    // MARK: Models and clients

    private func model(_ name: String, _ node: ClusterNode) -> ClusterFile.Model? {
        check(name, of: node)
        let fields = node.fields(
            ["owner", "inputs", "batch", "prepared", "open", "secret", "trees"],
            required: ["owner", "inputs"]
        )
        guard let owner = fields["owner"]?.text() else { return nil }
        let batch = fields["batch"]?.fields(["window", "sizes"]) ?? [:]
        let sizes = batch["sizes"]?.items().compactMap { $0.integer(in: 1...65_536) } ?? [1]
        if sizes != Array(Set(sizes)).sorted() || sizes.isEmpty {
            batch["sizes"]?.fault("\(node.path).batch.sizes ascend, each once")
        }
        let trees = fields["trees"]?.text() ?? "features"
        if !["features", "shapes", "counts"].contains(trees) {
            fields["trees"]?.fault("what all see of a model's trees is features, shapes or counts, not \(trees)")
        }
        let prepared = (fields["prepared"]?.entries("prepared") ?? []).compactMap { size, count -> (Int, Int)? in
            guard let size = Int(size), sizes.contains(size) else {
                count.fault("runs are prepared for the sizes in batch.sizes, which are \(sizes)")
                return nil
            }
            return count.integer(in: 0...4096).map { (size, $0) }
        }
        return ClusterFile.Model(
            name: name,
            owner: owner,
            inputs: fields["inputs"]?.entries("inputs").compactMap(input) ?? [],
            window: batch["window"]?.duration(in: .zero ... .seconds(10)) ?? .milliseconds(2),
            sizes: sizes,
            prepared: Dictionary(prepared, uniquingKeysWith: { first, _ in first }),
            open: fields["open"]?.items().compactMap { $0.text() } ?? [],
            secret: fields["secret"]?.items().compactMap { $0.text() } ?? [],
            trees: trees
        )
    }

    private func input(_ name: String, _ node: ClusterNode) -> ClusterFile.Input? {
        let fields = node.fields(["shapes", "range", "pad"], required: ["shapes", "range"])
        let shapes = (fields["shapes"]?.items() ?? []).compactMap { shape -> [Int?]? in
            let extents = shape.items().enumerated().compactMap { axis, extent -> Int?? in
                if axis == 0, extent.node.scalar?.string == "rows" { return .some(nil) }
                return extent.integer(in: 1...1 << 24).map { .some($0) }
            }
            guard !extents.isEmpty else {
                shape.fault("a shape is a list of extents, of which the first may be rows: [rows, 1, 28, 28]")
                return nil
            }
            return extents
        }
        if shapes.isEmpty { fields["shapes"]?.fault("\(node.path).shapes is a list of shapes: [[rows, 1, 28, 28]]") }
        let ends = (fields["range"]?.items() ?? []).compactMap { $0.number() }
        guard ends.count == 2, ends[0] < ends[1] else {
            fields["range"]?.fault(
                "\(node.path).range is the least and the largest number that an input may hold: [0, 1]"
            )
            return nil
        }
        return ClusterFile.Input(
            name: name,
            shapes: shapes,
            range: ends[0]...ends[1],
            pad: fields["pad"]?.number() ?? 0
        )
    }

    private func client(_ name: String, _ node: ClusterNode) -> ClusterFile.Client? {
        check(name, of: node)
        let fields = node.fields(["certificates", "keys", "models"], required: ["models"])
        let certificates = fields["certificates"]?.fingerprints() ?? []
        let keys = fields["keys"]?.items().compactMap { $0.text() } ?? []
        if certificates.isEmpty, keys.isEmpty {
            node.fault(
                "\(node.path): nothing says who that is: give certificates (fingerprints), or keys (public, PEM) for tokens"
            )
        }
        var models: [String: ClusterFile.Allowance] = [:]
        for (model, node) in fields["models"]?.entries("models") ?? [] {
            let fields = node.fields(["outputs", "rows_per_day"])
            models[model] = ClusterFile.Allowance(
                outputs: fields["outputs"]?.items().compactMap { $0.text() },
                rowsPerDay: fields["rows_per_day"]?.integer(in: 0...1_000_000_000_000)
            )
        }
        return ClusterFile.Client(name: name, certificates: Set(certificates), keys: keys, models: models)
    }

    // MARK: The rest

    private func limits(_ node: ClusterNode) -> ClusterFile.Limits {
        var limits = ClusterFile.Limits()
        let fields = node.fields(["requests", "request_bytes", "connections", "arrival", "waiting", "memory"])
        let times = Duration.milliseconds(100) ... .seconds(3600)
        if let value = fields["requests"]?.integer(in: 1...1_000_000) { limits.requests = value }
        if let value = fields["request_bytes"]?.bytes(atLeast: 1 << 10) { limits.requestBytes = value }
        if let value = fields["connections"]?.integer(in: 1...1_000_000) { limits.connections = value }
        if let value = fields["arrival"]?.duration(in: times) { limits.arrival = value }
        if let value = fields["waiting"]?.duration(in: times) { limits.waiting = value }
        if let value = fields["memory"]?.bytes(atLeast: 64 << 20) { limits.memory = value }
        return limits
    }

    private func local(_ node: ClusterNode) -> ClusterFile.Local {
        var local = ClusterFile.Local()
        let fields = node.fields([
            "identity", "listen", "door", "status", "status_hosts", "state", "models", "threads", "device",
        ])
        local.identity = fields["identity"]?.items().compactMap { $0.text() } ?? []
        local.listen = fields["listen"].flatMap(address)
        local.door = fields["door"].flatMap(address)
        local.status = fields["status"].flatMap(address)
        local.statusHosts = fields["status_hosts"]?.items().compactMap(host) ?? []
        local.state = fields["state"]?.text()
        for (name, file) in fields["models"]?.entries("models") ?? [] { local.models[name] = file.text() }
        local.threads = fields["threads"]?.integer(in: 1...1024)
        local.device = fields["device"].flatMap(device)
        return local
    }

    private func device(_ node: ClusterNode) -> DeviceChoice? {
        guard let text = node.text() else { return nil }
        do {
            return try DeviceChoice(text)
        } catch {
            node.fault("\(error)")
            return nil
        }
    }

    /// A name of the cell, a member, a dealer, a model or a client: it stands in addresses, tokens and files.
    private func check(_ name: String, of node: ClusterNode) {
        guard !ClusterFile.isName(name) else { return }
        node.fault(
            "'\(name.prefix(60))' can't be a name: take 1 to 63 of the letters a to z, digits, hyphens and points, beginning and ending with a letter or digit"
        )
    }

    private func name(_ node: ClusterNode) -> String? {
        guard let text = node.text() else { return nil }
        check(text, of: node)
        return text
    }

    private func address(_ node: ClusterNode) -> String? {
        guard let text = node.text() else { return nil }
        do {
            try SessionAddress.check(text)
            return text
        } catch {
            node.fault((error as? CrypTenError)?.message ?? "this is no address")
            return nil
        }
    }

    private func host(_ node: ClusterNode) -> String? {
        guard let text = node.text() else { return nil }
        guard !text.isEmpty, !text.contains(where: { "/ *".contains($0) }) else {
            node.fault(
                "\(node.path) names hosts by which the status is asked for, without port: [metrics.internal]; there is no wildcard"
            )
            return nil
        }
        return text
    }

    private func door(_ node: ClusterNode) -> String? {
        guard let text = node.text() else { return nil }
        guard let url = URL(string: text), let host = url.host, !host.isEmpty, url.query == nil,
            ["", "/"].contains(url.path),
            url.scheme == "https" || (url.scheme == "http" && ClusterFile.isLoopback(host))
        else {
            node.fault("\(node.path) is where clients call: https://host:port; without TLS only at 127.0.0.1")
            return nil
        }
        if url.scheme == "http" { node.warning("this door has no TLS: for programs of this machine alone") }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    private func origin(_ node: ClusterNode) -> String? {
        guard let text = node.text() else { return nil }
        guard let url = URL(string: text), let scheme = url.scheme, ["https", "http"].contains(scheme),
            url.host?.isEmpty == false,
            url.path.isEmpty, url.query == nil
        else {
            node.fault(
                "an origin is a page's scheme and host, https://app.example, without a path; there is no wildcard, as requests carry credentials"
            )
            return nil
        }
        return text
    }
}
