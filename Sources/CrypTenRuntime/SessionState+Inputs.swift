import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenTransport
import NIOCore

/// What parties put in, and what one of them tells all.
extension SessionState {
    /// A secret input of a known shape: nothing is sent before a run reads it.
    func input(owner: PartyID, shape: Shape, kind: ElementKind, name: String, load: () throws -> Tensor) throws -> Node
    {
        try check(owner)
        let number = try machine.newInput()
        var own: OwnInput?
        if owner.index == party {
            let tensor = try load()
            guard tensor.shape == shape else {
                throw CrypTenError(.shapeMismatch, "\(name) has shape \(tensor.shape), where \(shape) was announced")
            }
            let value = OwnInput(try encode(tensor, kind: kind, name: name), clear: checker == nil ? nil : tensor)
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
    func input(owner: PartyID, name: String, load: () throws -> Tensor) throws -> Node {
        try check(owner)
        guard owner.index == party else {
            var payload = try control(from: owner)
            let header = try TensorCoding.read(&payload)
            guard let values = header.integers, values.count >= 1 else {
                throw CrypTenError(.malformedFrame, "\(owner) announced an input that can't be read")
            }
            let shape = try Shape(checking: values.dropFirst().map(Int.init))
            return try input(
                owner: owner,
                shape: shape,
                kind: values[0] == 0 ? .real : .integer,
                name: name,
                load: load
            )
        }
        let tensor = try load()
        let kind: ElementKind = tensor.kind == .real ? .real : .integer
        // Encoded first: what can't be is an error before anything is sent.
        let node = try input(owner: owner, shape: tensor.shape, kind: kind, name: name) { tensor }
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
            tensor = try load()
            var payload = ByteBuffer()
            TensorCoding.write(tensor, to: &payload)
            try tellOthers(payload)
        } else {
            var payload = try control(from: reader)
            tensor = try TensorCoding.read(&payload)
        }
        let known = PublicTensor(tensor)
        plain[number] = known
        let node = Node(
            source: .publicInput(number: number),
            shape: tensor.shape,
            kind: tensor.kind,
            visibility: .public,
            session: identity,
            layer: name,
            payload: known
        )
        return (node, tensor)
    }

    /// Values that no party knows.
    func random(_ distribution: Primitive.Distribution, _ shape: Shape) throws -> Node {
        Node(
            source: .random(distribution, shape, number: try machine.newRandom()),
            shape: shape,
            kind: distribution == .uniform ? .real : .bit,
            visibility: .secret,
            session: identity,
            layer: "random"
        )
    }

    /// Bytes that one party has and all get: a model's skeleton.
    func broadcast(from sender: PartyID, load: () throws -> [UInt8]) throws -> [UInt8] {
        try check(sender)
        guard sender.index == party else { return Array(try control(from: sender).readableBytesView) }
        let bytes = try load()
        try tellOthers(ByteBuffer(bytes: bytes))
        return bytes
    }

    private func check(_ id: PartyID) throws {
        guard (0..<parties).contains(id.index) else {
            throw CrypTenError(.invalidArgument, "there is no \(id): the session has parties 0 to \(parties - 1)")
        }
    }

    func encode(_ tensor: Tensor, kind: ElementKind, name: String) throws -> RingTensor {
        if kind == .integer {
            guard let integers = tensor.integers else {
                throw CrypTenError(
                    .invalidArgument,
                    "\(name) was announced as integers and holds numbers that aren't whole"
                )
            }
            return RingTensor(integers.map(UInt64.init(bitPattern:)), shape: tensor.shape)
        }
        return try FixedPoint.encode(
            tensor.doubles,
            fractionBits: configuration.fractionBits,
            shape: tensor.shape,
            name: name
        )
    }

    /// What doesn't fit one frame is cut: first its length, then the pieces.
    func tellOthers(_ payload: ByteBuffer) throws {
        var length = ByteBuffer()
        length.writeInteger(UInt64(payload.readableBytes), endianness: .little)
        for other in 0..<parties where other != party {
            let peer = Role.party(PartyID(other))
            func send(_ piece: ByteBuffer) throws {
                try whilePresent(peer) {
                    try transport.send(
                        Frame(.control, payload: piece),
                        to: peer,
                        deadline: .after(configuration.patience)
                    )
                }
            }
            try send(length)
            var rest = payload
            while let piece = rest.readSlice(length: min(rest.readableBytes, 1 << 20)), piece.readableBytes > 0 {
                try send(piece)
            }
        }
    }

    func control(from sender: PartyID) throws -> ByteBuffer {
        func next() throws -> ByteBuffer {
            try whilePresent(.party(sender)) {
                try transport.receive([.control], from: .party(sender), deadline: .after(configuration.patience))
                    .payload
            }
        }
        var head = try next()
        guard let length = head.readInteger(endianness: .little, as: UInt64.self), head.readableBytes == 0,
            length <= 1 << 31
        else {
            throw CrypTenError(.malformedFrame, "\(sender) announced what can't be read")
        }
        var payload = ByteBuffer()
        while payload.readableBytes < length {
            var piece = try next()
            guard piece.readableBytes > 0, payload.readableBytes + piece.readableBytes <= length else {
                throw CrypTenError(.malformedFrame, "\(sender) sent more than it announced")
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
                cause: error
            )
        }
    }
}
