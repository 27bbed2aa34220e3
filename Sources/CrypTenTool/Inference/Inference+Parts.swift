import CrypTen
import CrypTenONNX

extension Inference {
    /// The secret inputs of the model, each with the files of all its parts, where all parties' are here.
    func wholeInputs(of model: ONNXModel) throws -> [(name: String, files: [NamedFile])] {
        let parties = 1 + (inputs + publicInputs).reduce(model.inputs.isEmpty ? 1 : 0) { max($0, $1.owner.index) }
        let told = (0..<parties).map { index -> Holdings in
            let own = part(of: PartyID(index))
            var holdings = Holdings()
            holdings.hasModel = index == 0
            holdings.entries = (own.inputs + own.publicInputs).enumerated().map { place, part in
                Holdings.Entry(
                    name: part.file.name,
                    isPublic: place >= own.inputs.count,
                    shape: [],
                    isReal: true
                )
            }
            holdings.joins = joins
            return holdings
        }
        return try Arrangement(told).inputs(of: model).compactMap { input in
            if input.parts.contains(where: \.isPublic) { return nil }
            return (
                input.input.name, input.parts.map { piece in part(of: piece.owner).inputs[piece.index].file }
            )
        }
    }

    /// The same with each join in the order in which parts were given, whoever has them.
    ///
    /// - Parameter shapes: Parts of which there are shapes alone.
    func ordered(with shapes: [NamedShape] = []) -> Inference {
        var ordered = self
        let given =
            inputs.map { (name: $0.file.name, owner: $0.owner.index) }
            + shapes.map { (name: $0.name, owner: ($0.owner ?? Inference.inputOwner).index) }
        ordered.joins = joins.flatMap { join -> [NamedJoin] in
            if join.order != nil { return [join] }
            let own = given.filter { join.name == nil || $0.name == nil || $0.name == join.name }
            if own.count < 2 { return [join] }
            let names = Set(own.compactMap(\.name))
            if join.name != nil || names.count < 2 {
                return [NamedJoin(name: join.name, way: join.way, order: own.map(\.owner))]
            }
            // One word for several inputs: each has parts of its own.
            return names.sorted().filter { name in !joins.contains { $0.name == name } }.map { name in
                let parts = own.filter { $0.name == name }
                return NamedJoin(name: name, way: join.way, order: parts.count > 1 ? parts.map(\.owner) : nil)
            }
        }
        return ordered
    }
}
