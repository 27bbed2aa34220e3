internal import CrypTen
internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// A model that is planned with shapes that are given, or usual, to see what of it would be refused.
struct ModelTrial {
    /// Extents of inputs that the model leaves open.
    let shapes: [String: [Int]]
    let fractionBits: Int

    /// What open extents are, one after the other until shapes fit: a batch is 1.
    private static let extents = [8, 32, 224, 1]

    /// Tries a model as often as something of it is cut out.
    func run(_ model: ONNXModel, _ cut: inout CutModel, _ report: inout ONNXModel.Report) {
        var next: ONNXModel? = model
        var isFirst = true
        while true {
            let model = isFirst && cut.missing.isEmpty ? next : cut.loadTriable()
            next = nil
            isFirst = false
            guard let model else {
                report.untried = "nothing is left to be tried without what is refused"
                return
            }
            switch attempt(model, &report) {
            case .runs: return
            case .unfit(let why):
                report.untried = why
                return
            case .fails(let error):
                if cut.retype(error) { continue }
                guard cut.cut(error) else { return }
            }
        }
    }

    private enum Outcome {
        case runs
        /// Its shapes were none that the model takes.
        case unfit(String)
        case fails(CrypTenError)
    }

    private func attempt(_ model: ONNXModel, _ report: inout ONNXModel.Report) -> Outcome {
        var problem = "its shapes aren't known"
        for extent in ModelTrial.extents {
            guard let shapes = shapes(of: model, extent) else {
                return .unfit("an input's shape isn't known: give --input-shape")
            }
            let asked = Set(
                model.inputs.filter { input in
                    !input.mustBeKnown
                        && (input.isKnownWherePublic || ValueUses(model.graph)[input.name].public != nil)
                }.map(\.name)
            )
            do {
                do {
                    try plan(model, shapes, public: [])
                } catch let error as CrypTenError where error.code == .unsupportedOperator && !asked.isEmpty {
                    // Perhaps an input must be public while it runs.
                    if (try? plan(model, shapes, public: asked)) == nil { throw error }
                    note(asked, error, of: model, &report)
                }
                report.triedShapes = shapes.mapValues(\.dimensions)
                return .runs
            } catch {
                let error = (error as? CrypTenError) ?? CrypTenError(.invalidArgument, "\(error)")
                // With numbers that are made up, and extents that aren't the model's, other errors say nothing of it.
                let isItsOwn = isFixed(model) && !model.inputs.contains(where: \.mustBeKnown)
                if isItsOwn || error.code == .unsupportedOperator || error.message.contains(" but computed as ") {
                    report.triedShapes = shapes.mapValues(\.dimensions)
                    return .fails(error)
                }
                problem = error.message
            }
        }
        return .unfit("with extents as they are usual \(problem); give --input-shape")
    }

    private func note(
        _ names: Set<String>,
        _ error: CrypTenError,
        of model: ONNXModel,
        _ report: inout ONNXModel.Report
    ) {
        let uses = ValueUses(model.graph)
        for index in report.inputs.indices where names.contains(report.inputs[index].name) {
            report.inputs[index].mustBePublic = true
            report.inputs[index].reason =
                uses[report.inputs[index].name].public?.reason ?? RefusedNode(error)?.reason ?? error.message
        }
    }

    /// Whether the model, or who asks, says every extent.
    private func isFixed(_ model: ONNXModel) -> Bool {
        model.inputs.allSatisfy { input in
            shapes[input.name] != nil
                || input.dimensions?.allSatisfy { if case .fixed = $0 { true } else { false } } ?? false
        }
    }

    private func shapes(of model: ONNXModel, _ extent: Int) -> [String: Shape]? {
        var named: [String: Int] = [:]
        var shapes: [String: Shape] = [:]
        for input in model.inputs {
            if let given = self.shapes[input.name], let shape = try? Shape(checking: given) {
                shapes[input.name] = shape
                for case (.named(let name), let extent) in zip(input.dimensions ?? [], given) { named[name] = extent }
            }
        }
        for input in model.inputs where shapes[input.name] == nil {
            guard let dimensions = input.dimensions else { return nil }
            let extents = dimensions.enumerated().map { axis, dimension -> Int in
                switch dimension {
                case .fixed(let extent): return extent
                case .unknown: return axis == 0 ? 1 : extent
                case .named(let name):
                    named[name] = named[name] ?? (axis == 0 ? 1 : extent)
                    return named[name] ?? 1
                }
            }
            guard let shape = try? Shape(checking: extents) else { return nil }
            shapes[input.name] = shape
        }
        return shapes
    }

    private func plan(_ model: ONNXModel, _ shapes: [String: Shape], public asked: Set<String>) throws {
        var rehearsal = try Rehearsal(parties: 2, fractionBits: fractionBits)
        let module = rehearsal.announce(model, from: .init(1))
        var tensors: [String: CrypTensor] = [:]
        var values: [String: Tensor] = [:]
        let uses = ValueUses(model.graph)
        for input in model.inputs {
            guard let shape = shapes[input.name] else { continue }
            // A secret bit is put in as a whole number.
            let kind: ElementKind = input.type.kind == .real ? .real : .integer
            if input.mustBeKnown || input.isKnownWherePublic && asked.contains(input.name) {
                // Places that every axis has; extents that are small.
                let number =
                    input.isKnownWherePublic && !input.mustBeKnown || uses[input.name].known?.role == .address ? 0 : 1
                values[input.name] = Tensor(filling: number, shape, input.type)
            } else if asked.contains(input.name) {
                tensors[input.name] = rehearsal.publicInput(shape: shape, kind: kind, name: input.name)
            } else if let words = model.words[input.name] {
                tensors[input.name] = rehearsal.input(
                    from: .init(0),
                    shape: try words.shape(of: shape),
                    kind: words.kind,
                    name: input.name
                )
            } else {
                let given = try input.givenShape(shape)
                tensors[input.name] = rehearsal.input(from: .init(0), shape: given, kind: kind, name: input.name)
            }
        }
        let outputs = try module(tensors, publicValues: values)
        _ = try rehearsal.cost(of: model.outputs.compactMap { outputs[$0.name] }, revealingTo: .party(0))
    }
}

extension Tensor {
    fileprivate init(filling number: Int, _ shape: Shape, _ type: ONNXElementType) {
        switch type.kind {
        case .real: self.init(.float(Array(repeating: Float(number), count: shape.count)), shape: shape)
        case .bit: self.init(.bool(Array(repeating: number != 0, count: shape.count)), shape: shape)
        case .integer: self.init(Array(repeating: Int64(number), count: shape.count), shape: shape)
        }
    }
}
