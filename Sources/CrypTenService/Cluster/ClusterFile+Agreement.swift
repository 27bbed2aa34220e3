import CrypTenRuntime

/// What all parties of a cell must agree on, and by which words they compare it.
extension ClusterFile {
    /// Names and what is said of each, in a fixed order: equal at all parties, or they have no session.
    ///
    /// Not among it: addresses, fingerprints, authorities, keys, revocations, origins and limits, each of which one member may change before
    /// the others do, and which each judges for itself.
    package var agreed: [(name: String, value: String)] {
        var items = [("cell", cell), ("fraction_bits", "\(fractionBits)"), ("slab_bits", "\(slabBits)")]
        if correlations == .parties {
            items += [("dealers", "none"), ("transfer_tree_height", "\(transferTreeHeight)")]
        }
        items += members.map { ("party \($0.party)", $0.name) }
        for model in models.sorted(by: { $0.name < $1.name }) {
            let place = "model \(model.name)"
            items.append((place, "of \(model.owner), windows of \(model.window), sizes \(model.sizes)"))
            items.append(
                ("\(place), prepared", "\(model.prepared.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" })")
            )
            items.append(
                (
                    "\(place), constants",
                    "open \(model.open.sorted()), secret \(model.secret.sorted()), trees \(model.trees)"
                )
            )
            for input in model.inputs.sorted(by: { $0.name < $1.name }) {
                let shapes = input.shapes.map { $0.map { $0.map { "\($0)" } ?? "rows" } }
                items.append(
                    ("\(place), input \(input.name)", "shapes \(shapes), range \(input.range), pad \(input.pad)")
                )
            }
        }
        for client in clients.sorted(by: { $0.name < $1.name }) {
            for (model, allowance) in client.models.sorted(by: { $0.key < $1.key }) {
                let outputs = allowance.outputs.map { "\($0.sorted())" } ?? "all"
                let rows = allowance.rowsPerDay.map { "\($0)" } ?? "any"
                items.append(("client \(client.name), model \(model)", "outputs \(outputs), rows a day \(rows)"))
            }
        }
        return items
    }

    /// The SHA-256 of ``agreed``, in hexadecimal: to be read out, where files are compared by telephone.
    public var agreementDigest: String {
        var hash = PartsHash()
        for (name, value) in agreed {
            hash.add(name)
            hash.add(value)
        }
        return hash.finalize().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
