import CrypTenBase
package import NIOCore

/// Cuts a stream of bytes into frames.
///
/// Lengths are checked before anything is allocated for them. A payload that lies in what was just read, and fills most of
/// it, is passed on as a slice; any other is copied once, into a buffer of its own size.
package struct FrameAssembler: Sendable {
    /// A frame as it came: nothing but magic and length has been looked at.
    package struct RawFrame: Sendable {
        package var header: FrameHeader
        package var tag: FrameTag
        package var payload: ByteBuffer

        /// A frame's parts.
        package init(header: FrameHeader, tag: FrameTag, payload: ByteBuffer) {
            self.header = header
            self.tag = tag
            self.payload = payload
        }
    }

    private enum State {
        /// Less than a header has come; these bytes of it.
        case header(ByteBuffer)
        /// The header is here, and part of the payload in `payload`.
        case payload(FrameHeader, FrameTag)
    }

    /// How many bytes are read at once, unless more are known to come.
    static let inputSize = 64 << 10
    /// What is missing from a payload of at least this length is read straight to its place.
    private static let directLimit = 16 << 10

    private var state = State.header(ByteBuffer())
    /// What has come of the payload under way: apart from the state, so that it has one owner and grows where it is.
    private var payload = ByteBuffer()
    private var input = ByteBuffer()
    /// Whether the last payload was long: then the next probably is, and only the header before it is read elsewhere.
    private var expectsLongPayload = false

    /// An assembler at the beginning of a stream.
    package init() {}

    /// Whether the stream stands between two frames: where it may end.
    package var isBetweenFrames: Bool {
        guard case .header(let partial) = state else { return false }
        return partial.readableBytes == 0 && input.readableBytes == 0
    }

    /// Takes bytes that were read; ``next(limit:)`` must have returned nil since the last call.
    package mutating func append(_ bytes: ByteBuffer) {
        precondition(input.readableBytes == 0, "frames are taken out before more bytes are added")
        input = bytes
    }

    /// Lets `body` put bytes where they are needed next; ``next(limit:)`` must have returned nil since the last call.
    ///
    /// The rest of a long payload goes straight to its place, and after a long payload no more than the next header is read
    /// before it; all else goes into a buffer that is used again and again.
    ///
    /// - Parameter body: Gets the room there is; returns how many bytes of it were filled.
    /// - Returns: Whether all of the room was filled, so that more may be waiting.
    package mutating func fill(_ body: (UnsafeMutableRawBufferPointer) -> Int) -> Bool {
        precondition(input.readableBytes == 0, "frames are taken out before more bytes are added")
        if case .payload(let header, _) = state, Int(header.length) >= FrameAssembler.directLimit {
            let missing = Int(header.length) - payload.readableBytes
            let count = payload.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) { space in
                body(UnsafeMutableRawBufferPointer(rebasing: space.prefix(missing)))
            }
            return count == missing
        }
        var room = FrameAssembler.inputSize
        if expectsLongPayload, case .header(let partial) = state { room = FrameHeader.size - partial.readableBytes }
        input.clear(minimumCapacity: FrameAssembler.inputSize)
        let count = input.writeWithUnsafeMutableBytes(minimumWritableBytes: FrameAssembler.inputSize) { space in
            body(UnsafeMutableRawBufferPointer(rebasing: space.prefix(room)))
        }
        return count == room
    }

    /// The next whole frame, nil when more bytes are needed.
    ///
    /// - Parameter limit: The largest payload accepted now.
    /// - Throws: ``CrypTenError`` `.malformedFrame` for a wrong magic or too large a length; the stream is useless then.
    package mutating func next(limit: Int = Frame.maximumPayload) throws -> RawFrame? {
        switch state {
        case .header(var partial):
            let header: (header: FrameHeader, tag: FrameTag)?
            if partial.readableBytes == 0, input.readableBytes >= FrameHeader.size {
                header = try FrameHeader.read(from: &input)
            } else {
                let missing = FrameHeader.size - partial.readableBytes
                if var bytes = input.readSlice(length: min(missing, input.readableBytes)) {
                    partial.writeBuffer(&bytes)
                }
                header = try FrameHeader.read(from: &partial)
                state = .header(partial)
            }
            guard let (header, tag) = header else { return nil }
            return try takePayload(header, tag, limit: limit)
        case .payload(let header, let tag):
            let available = min(Int(header.length) - payload.readableBytes, input.readableBytes)
            if available > 0, var bytes = input.readSlice(length: available) { payload.writeBuffer(&bytes) }
            guard payload.readableBytes == Int(header.length) else { return nil }
            state = .header(ByteBuffer())
            defer { payload = ByteBuffer() }
            return RawFrame(header: header, tag: tag, payload: payload)
        }
    }

    private mutating func takePayload(_ header: FrameHeader, _ tag: FrameTag, limit: Int) throws -> RawFrame? {
        let length = Int(header.length)
        guard length <= limit else {
            throw CrypTenError(
                .malformedFrame,
                "a frame announces \(length) bytes where at most \(limit) are allowed"
            )
        }
        expectsLongPayload = length >= FrameAssembler.directLimit
        if input.readableBytes >= length, 2 * length >= input.storageCapacity || length == 0 {
            state = .header(ByteBuffer())
            return RawFrame(header: header, tag: tag, payload: input.readSlice(length: length) ?? ByteBuffer())
        }
        payload.reserveCapacity(length)
        state = .payload(header, tag)
        return try next(limit: limit)
    }
}
