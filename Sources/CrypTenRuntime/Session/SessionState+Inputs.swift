import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenTransport
import NIOCore

/// What parties put in, and what one of them tells all.
extension SessionState {
    /// A secret input of a known shape: nothing is sent before a run reads it.
    func input(
        owner: PartyID,
        shape: Shape,
        kind: ElementKind,
        range: ClosedRange<Double>? = nil,
        name: String,
        load: () throws -> Tensor
    ) throws -> Node {
        try check(owner)
        let number = try machine.newInput()
        var own: OwnInput?
        if owner.index == party {
            let value = try usable {
                let tensor = try load()
                guard tensor.shape == shape else {
                    throw CrypTenError(
                        .shapeMismatch,
                        "\(name) has shape \(tensor.shape), where \(shape) was announced"
                    )
                }
                let own = OwnInput(tensor, kind: kind, name: name, range: range)
                // What can't be encoded is refused now, and not when it is read.
                _ = try own.encoded(fractionBits: range == nil ? configuration.fractionBits : 0)
                return own
            }
            inputs[number] = value
            own = value
        }
        return Node(
            source: .input(owner: owner, number: number),
            shape: shape,
            kind: kind,
            visibility: .secret,
            session: identity,
            layer: name,
            payload: own
        )
    }

    /// What stands for a secret input that nobody has yet.
    func placeholder(owner: PartyID, shape: Shape, kind: ElementKind, name: String) throws -> Node {
        try check(owner)
        return Node(
            source: .input(owner: owner, number: try machine.newPlaceholder()),
            shape: shape,
            kind: kind,
            visibility: .secret,
            session: identity,
            layer: name
        )
    }

    /// A secret input whose shape its owner announces.
    func input(
        owner: PartyID,
        range: ClosedRange<Double>? = nil,
        name: String,
        load: () throws -> Tensor
    ) throws -> Node {
        try check(owner)
        guard owner.index == party else {
            var payload = try control(from: owner)
            let header = try TensorCoding.read(&payload)
            guard let values = header.integers, values.count >= 1 else {
                throw CrypTenError(.malformedFrame, "\(owner) announced an input that can't be read")
                    .telling(.malformedFrame, about: .party(owner))
            }
            let shape = try Shape(checking: values.dropFirst().map(Int.init))
            return try input(
                owner: owner,
                shape: shape,
                kind: values[0] == 0 ? .real : .integer,
                range: range,
                name: name,
                load: load
            )
        }
        let (tensor, kind) = try offered(.input) {
            let tensor = try load()
            let kind: ElementKind = tensor.kind == .real ? .real : .integer
            // What can't be encoded is refused before anything of it is announced.
            _ = try OwnInput(tensor, kind: kind, name: name, range: range)
                .encoded(fractionBits: range == nil ? configuration.fractionBits : 0)
            return (tensor, kind)
        }
        let node = try input(owner: owner, shape: tensor.shape, kind: kind, range: range, name: name) { tensor }
        let header = [kind == .real ? 0 : 1] + tensor.shape.dimensions.map(Int64.init)
        var payload = ByteBuffer()
        TensorCoding.write(Tensor(header, shape: [header.count]), to: &payload)
        try tellOthers(payload)
        return node
    }

    /// A tensor that one party reads and all know.
    func publicInput(reader: PartyID, name: String, load: () throws -> Tensor) throws -> (Node, Tensor) {
        try check(reader)
        let number = try machine.newPublicInput()
        let tensor: Tensor
        if reader.index == party {
            tensor = try offered(.input, load)
            var payload = ByteBuffer()
            TensorCoding.write(tensor, to: &payload)
            try tellOthers(payload)
        } else {
            var payload = try control(from: reader)
            tensor = try TensorCoding.read(&payload)
        }
        return (publicNode(tensor, number, name: name), tensor)
    }

    /// A tensor that all know.
    func publicValue(_ tensor: Tensor, name: String) throws -> Node {
        publicNode(tensor, try machine.newPublicInput(), name: name)
    }

    private func publicNode(_ tensor: Tensor, _ number: Int, name: String) -> Node {
        let known = PublicTensor(tensor)
        plain[number] = known
        return Node(
            source: .publicInput(number: number),
            shape: tensor.shape,
            kind: tensor.kind,
            visibility: .public,
            session: identity,
            layer: name,
            payload: known
        )
    }

    /// Values that no party knows.
    func random(_ distribution: Primitive.Distribution, drawnBy source: RandomSource, _ shape: Shape) throws -> Node {
        let operation = Primitive.random(distribution, drawnBy: source, shape, number: try machine.newRandom())
        return Node(
            source: operation,
            shape: shape,
            kind: try operation.result(of: []).1,
            visibility: .secret,
            session: identity,
            layer: "random"
        )
    }

    /// Tensors whose rows are shuffled together.
    func shuffle(_ nodes: [Node]) throws -> [Node] {
        for node in nodes where node.error == nil && node.session !== identity {
            throw CrypTenError(.wrongSession, "a session shuffles secret tensors of its own")
        }
        return Node.shuffled(nodes, number: try machine.newRandom())
    }

    /// Bytes that one party has and all get: a model's skeleton.
    ///
    /// - Parameters:
    ///   - reason: What the others are told where there are none.
    ///   - limit: How long to wait for each step of a party that lives; nil: as long as for anything.
    func broadcast(
        from sender: PartyID,
        refusing reason: PublicReason,
        within limit: Duration? = nil,
        load: () throws -> [UInt8]
    ) throws -> [UInt8] {
        try check(sender)
        guard sender.index == party else {
            return Array(try control(from: sender, within: limit).readableBytesView)
        }
        let bytes = try offered(reason, load)
        try tellOthers(ByteBuffer(bytes: bytes), within: limit)
        return bytes
    }

    private func check(_ id: PartyID) throws {
        guard (0..<parties).contains(id.index) else {
            throw CrypTenError(.invalidArgument, "there is no \(id): the session has parties 0 to \(parties - 1)")
        }
    }

    /// What a party has that the others wait to hear of. Where it can't be used they are told that, and a fixed sentence why; the
    /// call fails at every party, and the session lives.
    ///
    /// - Throws: ``Refusal`` with the error, which is the caller's own: it may name what others mustn't know. It tells others the
    ///   same sentence, also where the caller gives up for it.
    private func offered<Result>(_ reason: PublicReason, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            let told = CrypTenError(failure: error, of: transport.role).telling(reason)
            var refusal = ByteBuffer()
            refusal.writeInteger(SessionState.refusalMark, endianness: .little)
            refusal.writeImmutableBuffer(AbortMessage(told).encoded)
            do {
                for other in 0..<parties where other != party { try send(refusal, to: PartyID(other)) }
            } catch let failure {
                // The session is over for another reason; what the caller must hear is its own.
                end(CrypTenError(failure: failure, of: transport.role))
            }
            throw Refusal(error: error is CrypTenError ? told : error)
        }
    }

    /// What a party has that nobody waits to hear of: where it can't be used the session ends, and the others are told a fixed sentence.
    private func usable<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            end(CrypTenError(failure: error, of: transport.role).telling(.input))
            throw error
        }
    }

    /// Where a length is due, this says that nothing comes and why.
    private static let refusalMark = UInt64.max

    private func send(_ piece: ByteBuffer, to other: PartyID, within limit: Duration? = nil) throws {
        let peer = Role.party(other)
        let patience = limit ?? configuration.patience
        try whilePresent(peer) {
            try transport.send(Frame(.control, payload: piece), to: peer, deadline: .after(patience))
        }
    }

    /// What doesn't fit one frame is cut: first its length, then the pieces.
    func tellOthers(_ payload: ByteBuffer, within limit: Duration? = nil) throws {
        var length = ByteBuffer()
        length.writeInteger(UInt64(payload.readableBytes), endianness: .little)
        for other in 0..<parties where other != party {
            try send(length, to: PartyID(other), within: limit)
            var rest = payload
            while let piece = rest.readSlice(length: min(rest.readableBytes, 1 << 20)), piece.readableBytes > 0 {
                try send(piece, to: PartyID(other), within: limit)
            }
        }
    }

    func control(from sender: PartyID, within limit: Duration? = nil) throws -> ByteBuffer {
        let patience = limit ?? configuration.patience
        func next() throws -> ByteBuffer {
            try whilePresent(.party(sender)) {
                try transport.receive([.control], from: .party(sender), deadline: .after(patience)).payload
            }
        }
        var head = try next()
        let length = head.readInteger(endianness: .little, as: UInt64.self)
        if length == SessionState.refusalMark, head.readableBytes == AbortMessage.size {
            let told = AbortMessage(decoding: head)
            let sentence = told.disclosure.reason.sentence(about: nil)
            throw Refusal(
                error: CrypTenError(
                    .partyFailed,
                    "\(sender) refused this call: \(sentence)",
                    cause: CrypTenError(told.code ?? .partyFailed, (told.code ?? .partyFailed).description),
                    telling: Disclosure(told.disclosure.reason, from: .party(sender))
                )
            )
        }
        guard let length, head.readableBytes == 0, length <= 1 << 31 else {
            throw CrypTenError(.malformedFrame, "\(sender) announced what can't be read")
                .telling(.malformedFrame, about: .party(sender))
        }
        var payload = ByteBuffer()
        while payload.readableBytes < length {
            var piece = try next()
            guard piece.readableBytes > 0, payload.readableBytes + piece.readableBytes <= length else {
                throw CrypTenError(.malformedFrame, "\(sender) sent more than it announced")
                    .telling(.malformedFrame, about: .party(sender))
            }
            payload.writeBuffer(&piece)
        }
        return payload
    }

    /// Does what needs a member; one that has left by then runs another program.
    func whilePresent<Result>(_ member: Role, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as CrypTenError where error.code == .sessionClosed {
            throw CrypTenError(
                .diverged,
                "\(member) closed the session, and \(transport.role) goes on; all parties must run the same program",
                cause: error,
                telling: Disclosure(.left, about: member)
            )
        }
    }
}

/// One party's word that a call can't be made, which all have heard: it fails everywhere, and nothing else does.
struct Refusal: Error {
    /// What the call throws here.
    let error: any Error
}
