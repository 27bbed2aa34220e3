package import CrypTenBase
package import NIOCore

/// The 64 bytes before every payload; all numbers are little-endian.
///
///     offset  bytes  field
///          0      4  magic: the characters CTNF
///          4      2  protocol version
///          6      2  kind
///          8      2  sender: a party's number, 65535 for the dealer
///         10      2  recipient; 65534 in a hello to whoever answers
///         12      4  payload length
///         16      4  epoch: how often the sender's keys of this direction have moved forward, see ``FrameKeyChain``
///         20      4  round; of corrections, the frame's place in its run
///         24      8  binding
///         32      8  run
///         40      8  sequence: frames of this connection in this direction, from 0
///         48     16  tag over the 48 bytes before it and the payload, see ``FrameCipher``
///
/// Magic, version and the tag of 16 bytes stay where they are in every version, so that versions can tell one another apart.
package struct FrameHeader: Hashable, Sendable {
    /// The bytes of a header, tag included.
    package static let size = 64
    /// The bytes of the tag.
    package static let tagSize = 16
    /// The bytes before the tag.
    static let untaggedSize = 48
    /// The version that this package speaks.
    package static let currentVersion: UInt16 = 4
    /// The first four bytes of each frame, read as a little-endian number.
    package static let magic: UInt32 = 0x464E_5443

    package var version = FrameHeader.currentVersion
    package var kind: UInt16
    package var sender: UInt16
    package var recipient: UInt16
    package var length: UInt32
    package var epoch: UInt32
    package var round: UInt32
    package var binding: UInt64
    package var run: UInt64
    package var sequence: UInt64

    /// The header of one frame.
    package init(_ frame: Frame, from sender: UInt16, to recipient: UInt16, epoch: UInt32, sequence: UInt64) {
        kind = frame.kind.rawValue
        self.sender = sender
        self.recipient = recipient
        length = UInt32(frame.payloadSize)
        self.epoch = epoch
        round = frame.round
        binding = frame.binding
        run = frame.run
        self.sequence = sequence
    }

    /// Appends the 48 bytes that precede the tag.
    package func write(to buffer: inout ByteBuffer) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: FrameHeader.untaggedSize) { space in
            write(to: space)
            return FrameHeader.untaggedSize
        }
    }

    /// Writes the 48 bytes that precede the tag to the beginning of `space`.
    func write(to space: UnsafeMutableRawBufferPointer) {
        func store(_ number: some FixedWidthInteger, at offset: Int) {
            space.storeBytes(of: number.littleEndian, toByteOffset: offset, as: type(of: number))
        }
        store(FrameHeader.magic, at: 0)
        store(version, at: 4)
        store(kind, at: 6)
        store(sender, at: 8)
        store(recipient, at: 10)
        store(length, at: 12)
        store(epoch, at: 16)
        store(round, at: 20)
        store(binding, at: 24)
        store(run, at: 32)
        store(sequence, at: 40)
    }

    /// Reads a header and its tag from 64 bytes.
    ///
    /// - Returns: nil while fewer than 64 bytes are there; then nothing is consumed.
    /// - Throws: ``CrypTenError`` `.malformedFrame` for a wrong magic or a length over ``Frame/maximumPayload``; nothing has
    ///   been allocated then.
    package static func read(from buffer: inout ByteBuffer) throws -> (header: FrameHeader, tag: FrameTag)? {
        guard buffer.readableBytes >= size else { return nil }
        guard
            let (magic, version, kind, sender, recipient, length, epoch, round, binding, run, sequence) =
                buffer.readMultipleIntegers(
                    endianness: .little,
                    as: (
                        UInt32, UInt16, UInt16, UInt16, UInt16, UInt32, UInt32, UInt32, UInt64, UInt64, UInt64
                    ).self
                ),
            let (low, high) = buffer.readMultipleIntegers(endianness: .little, as: (UInt64, UInt64).self)
        else { preconditionFailure("64 bytes hold a header") }
        guard magic == FrameHeader.magic else {
            throw CrypTenError(
                .malformedFrame,
                "what was received is no frame of this protocol (it begins with \(magic), not \(FrameHeader.magic)); "
                    + "check that the address and port belong to this session"
            )
        }
        guard length <= Frame.maximumPayload else {
            throw CrypTenError(
                .malformedFrame,
                "a frame announces \(length) bytes; at most \(Frame.maximumPayload) are allowed"
            )
        }
        let header = FrameHeader(
            version: version,
            kind: kind,
            sender: sender,
            recipient: recipient,
            length: length,
            epoch: epoch,
            round: round,
            binding: binding,
            run: run,
            sequence: sequence
        )
        return (header, FrameTag(low: low, high: high))
    }

    private init(
        version: UInt16,
        kind: UInt16,
        sender: UInt16,
        recipient: UInt16,
        length: UInt32,
        epoch: UInt32,
        round: UInt32,
        binding: UInt64,
        run: UInt64,
        sequence: UInt64
    ) {
        self.version = version
        self.kind = kind
        self.sender = sender
        self.recipient = recipient
        self.length = length
        self.epoch = epoch
        self.round = round
        self.binding = binding
        self.run = run
        self.sequence = sequence
    }
}

/// The tag at the end of a header: 16 bytes as two little-endian numbers.
package struct FrameTag: Hashable, Sendable {
    package var low: UInt64
    package var high: UInt64

    package init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    /// The tag that the first 16 bytes hold.
    init(_ bytes: UnsafeRawBufferPointer) {
        low = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        high = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }

    /// Whether two tags are equal, in a time that doesn't depend on where they differ.
    package func isEqual(to other: FrameTag) -> Bool {
        (low ^ other.low) | (high ^ other.high) == 0
    }
}

extension Role {
    /// The number for whoever answers, in a hello that can't know it.
    package static let wireNumberOfAnyone: UInt16 = 65534
    /// The largest number of parties that frames can name.
    package static let maximumPartyCount = 65534

    /// The role's number on the wire.
    package var wireNumber: UInt16 {
        switch self {
        case .party(let party): UInt16(party.index)
        case .dealer: 65535
        }
    }

    /// The role that a number on the wire stands for, nil for ``wireNumberOfAnyone``.
    package init?(wireNumber: UInt16) {
        switch wireNumber {
        case 65535: self = .dealer
        case Role.wireNumberOfAnyone: return nil
        default: self = .party(PartyID(Int(wireNumber)))
        }
    }
}
