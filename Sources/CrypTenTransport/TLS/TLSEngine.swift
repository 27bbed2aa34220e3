import CrypTenBase
import CrypTenIdentity
import NIOCore
import NIOSSL
import NIOTLS

/// One conversation in TLS 1.3, from the first message to the last: ciphertext in and out, plaintext in and out, by calls that never
/// wait.
///
/// Whatever certificate the other end shows is taken: TLS sees to it that it has the certificate's key, and ``TLSDoor`` judges whose
/// it is. Each conversation has a context of its own, so none is resumed, and with none a certificate is taken over.
///
/// > RFC 8446; the implementation is BoringSSL's, by way of swift-nio-ssl.
final class TLSEngine: @unchecked Sendable {
    // Sendable: one thread at a time calls it, a loop's, or whoever holds the lock of its ``TLSSocket``.
    private let channel = MemoryChannel()
    private let collector = Collector()
    /// Ciphertext that has come: the beginning of a record that isn't whole yet.
    private var input = ByteBuffer()

    /// - Parameter host: The name by which a caller has found the other end: said in the clear, for proxies that pass connections on by it (SNI), and
    ///   believed by nobody. nil where it was a number.
    /// - Throws: where the certificate or its key can't be used.
    init(isCaller: Bool, calling host: String? = nil, showing identity: MemberIdentity) throws {
        let context = try NIOSSLContext(configuration: TLSEngine.configuration(isCaller: isCaller, identity))
        let judge: NIOSSLCustomVerificationCallback = { [collector] chain, promise in
            collector.peerCertificate = chain.first.flatMap { try? $0.toDERBytes() }
            promise.succeed(.certificateVerified)
        }
        let handler: NIOSSLHandler =
            if isCaller {
                try NIOSSLClientHandler(context: context, serverHostname: host, customVerificationCallback: judge)
            } else {
                NIOSSLServerHandler(context: context, customVerificationCallback: judge)
            }
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.pipeline.syncOperations.addHandler(collector)
    }

    deinit {
        channel.giveUp()
    }

    private static func configuration(isCaller: Bool, _ identity: MemberIdentity) throws -> TLSConfiguration {
        let certificate = try NIOSSLCertificate(bytes: identity.certificate.der, format: .der)
        let key = try NIOSSLPrivateKey(bytes: Array(identity.keyPEM.utf8), format: .pem)
        var configuration =
            isCaller
            ? TLSConfiguration.makeClientConfiguration()
            : TLSConfiguration.makeServerConfiguration(certificateChain: [], privateKey: .privateKey(key))
        configuration.certificateChain = [.certificate(certificate)]
        configuration.privateKey = .privateKey(key)
        configuration.minimumTLSVersion = .tlsv13
        configuration.maximumTLSVersion = .tlsv13
        // Who calls without a certificate is told so inside TLS; an alert would only say that something was amiss.
        configuration.certificateVerification = isCaller ? .noHostnameVerification : .optionalVerification
        configuration.trustRoots = .certificates([])
        // The first is safe also from who records now and has a quantum computer later.
        configuration.curves = [.x25519_MLKEM768, .x25519, .secp256r1]
        configuration.verifySignatureAlgorithms = [.ecdsaSecp256R1Sha256, .ecdsaSecp384R1Sha384]
        return configuration
    }

    /// Whether the handshake is done.
    var isEstablished: Bool { collector.isEstablished }

    /// The other end's certificate in DER form, once the handshake is done; nil where it has shown none.
    var peerCertificate: [UInt8]? { collector.peerCertificate }

    /// What ended the conversation before its end.
    var failure: (any Error)? { collector.failure }

    /// Whether the other end has said that it sends nothing more.
    var hasEnded: Bool { collector.hasEnded }

    /// Begins: the caller's first message is there to be sent.
    func begin() {
        channel.activate()
    }

    /// Takes ciphertext that has come.
    func receive(_ ciphertext: ByteBuffer) {
        receive { _ = $0.writeImmutableBuffer(ciphertext) }
    }

    /// Takes ciphertext that `read` appends to a buffer, which is used again and again.
    @discardableResult
    func receive<Result>(_ read: (inout ByteBuffer) -> Result) -> Result {
        input.discardReadBytes()
        let result = read(&input)
        // Whole records alone: what TLS would keep of the buffer would be copied with the next.
        if let records = input.readSlice(length: TLSEngine.wholeRecords(input)), records.readableBytes > 0 {
            channel.receive(records)
        }
        return result
    }

    /// How many bytes are whole records: each has a header of 5 bytes, whose last two are its length. RFC 8446, section 5.1.
    ///
    /// Where they are none, it is all: TLS says so.
    private static func wholeRecords(_ input: ByteBuffer) -> Int {
        let longest = (16 << 10) + 256
        var end = input.readerIndex
        while end + 5 <= input.writerIndex, let header = input.getBytes(at: end, length: 5) {
            let length = Int(header[3]) << 8 | Int(header[4])
            guard (20...23).contains(header[0]), header[1] == 3, length <= longest else { return input.readableBytes }
            guard end + 5 + length <= input.writerIndex else { break }
            end += 5 + length
        }
        return end - input.readerIndex
    }

    /// Encrypts what is to be sent; of no effect before the handshake is done or after a failure.
    func send(_ plaintext: ByteBuffer) {
        channel.send(plaintext)
    }

    /// Says that nothing more will be sent.
    func endSending() {
        channel.endSending()
    }

    /// What is to go to the other end.
    func takeCiphertext() -> [ByteBuffer] {
        channel.takeFlushed()
    }

    /// What the other end has sent.
    func takePlaintext() -> [ByteBuffer] {
        defer { collector.plaintext = [] }
        return collector.plaintext
    }

    /// At the end of the pipeline: what the conversation comes to.
    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        var plaintext: [ByteBuffer] = []
        var peerCertificate: [UInt8]?
        var isEstablished = false
        var hasEnded = false
        var failure: (any Error)?

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            plaintext.append(unwrapInboundIn(data))
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            switch event {
            case TLSUserEvent.handshakeCompleted: isEstablished = true
            case ChannelEvent.inputClosed: hasEnded = true
            default: break
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            failure = failure ?? error
        }

        func channelInactive(context: ChannelHandlerContext) {
            hasEnded = true
        }
    }
}
