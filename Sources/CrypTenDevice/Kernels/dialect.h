// The language that the kernels are written in: C with the words below, which are CUDA C or OpenCL C 2.0, whichever compiles.
//
// A kernel takes one struct by value, of which everything is the same for all work-items; tensors are 64-bit addresses in it. Both machines are
// little-endian: bits 0 ... 31 of a word of 64 are the first of its two words of 32. Under OpenCL, `PLAIN_LOOPS` leaves loops as they are: a
// processor's registers don't hold what they work on anyway, and its compiler takes long over what is unrolled.
#if defined(__CUDACC__) || defined(__CUDACC_RTC__)

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char i8;
typedef int i32;
typedef long long i64;
typedef uint4 u32x4;

#define GLOBAL
#define LOCAL
#define PRIVATE
#define CONSTANT static __constant__ const
#define INLINE static __device__ __forceinline__
#define KERNEL(NAME, ARGUMENTS, THREADS) extern "C" __global__ void __launch_bounds__(THREADS) NAME(const __grid_constant__ ARGUMENTS p)
#define LOCAL_ARRAY(TYPE, NAME, COUNT) __shared__ __align__(16) TYPE NAME[COUNT]
#define BARRIER() __syncthreads()
#define LOCAL_ID ((u32)threadIdx.x)
#define GROUP_X ((u32)blockIdx.x)
#define GROUP_Y ((u32)blockIdx.y)
#define GROUP_Z ((u32)blockIdx.z)
#define MULHI32(A, B) __umulhi(A, B)
#define MULHI64(A, B) __umul64hi(A, B)
#define POINTER(TYPE, ADDRESS) ((TYPE *)(ADDRESS))
#define UNROLL _Pragma("unroll")
#define ROLLED _Pragma("unroll 1")

#else

typedef uchar u8;
typedef ushort u16;
typedef uint u32;
typedef ulong u64;
typedef char i8;
typedef int i32;
typedef long i64;
typedef uint4 u32x4;

#define GLOBAL __global
#define LOCAL __local
#define PRIVATE __private
#define CONSTANT __constant
#define INLINE static inline
#define KERNEL(NAME, ARGUMENTS, THREADS) __kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void NAME(const ARGUMENTS p)
#define LOCAL_ARRAY(TYPE, NAME, COUNT) __local TYPE NAME[COUNT] __attribute__((aligned(16)))
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#define LOCAL_ID ((u32)get_local_id(0))
#define GROUP_X ((u32)get_group_id(0))
#define GROUP_Y ((u32)get_group_id(1))
#define GROUP_Z ((u32)get_group_id(2))
#define MULHI32(A, B) mul_hi((u32)(A), (u32)(B))
#define MULHI64(A, B) mul_hi((u64)(A), (u64)(B))
#define POINTER(TYPE, ADDRESS) ((__global TYPE *)(size_t)(ADDRESS))
#if defined(PLAIN_LOOPS)
#define UNROLL
#else
#define UNROLL _Pragma("unroll")
#endif
#define ROLLED

#endif

/// The number of a work-item among all of a launch that has one dimension.
#define ITEM(THREADS) ((u64)GROUP_X * (THREADS) + LOCAL_ID)

/// All ones where bit 0 is 1, else 0.
#define SPREAD32(BIT) (0u - ((u32)(BIT) & 1))
#define SPREAD64(BIT) ((u64)0 - ((u64)(BIT) & 1))

// Work-items are numbered in teams of 32, the `lanes`, which read one another's words: on NVIDIA through the warp's shuffles, else through local
// memory, where all work-items of a group must take part. THREADS is the group's size.
//
// EXCHANGE: for I = 0 ... COUNT - 1, VALUE (an lvalue, an expression in I) becomes what it is in lane FROM (an expression in I) of the team.
// VOTE: bit k of TO becomes bit 0 of BIT in lane k.
#define LANE (LOCAL_ID % 32)
#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define EXCHANGE_ARRAY(NAME, COUNT, THREADS)
#define EXCHANGE(NAME, THREADS, I, COUNT, VALUE, FROM) \
    UNROLL for (u32 I = 0; I < (COUNT); I++) VALUE = __shfl_sync(0xFFFFFFFFu, VALUE, FROM)
#define VOTE(NAME, TO, BIT) TO = __ballot_sync(0xFFFFFFFFu, (int)((u32)(BIT) & 1))
#else
#define EXCHANGE_ARRAY(NAME, COUNT, THREADS) LOCAL_ARRAY(u32, NAME, (COUNT) * (THREADS));
#define EXCHANGE(NAME, THREADS, I, COUNT, VALUE, FROM)                                                                         \
    do {                                                                                                                       \
        UNROLL for (u32 I = 0; I < (COUNT); I++) NAME[I * (THREADS) + LOCAL_ID] = VALUE;                                       \
        BARRIER();                                                                                                             \
        UNROLL for (u32 I = 0; I < (COUNT); I++) VALUE = NAME[I * (THREADS) + LOCAL_ID / 32 * 32 + (FROM)];                    \
        BARRIER();                                                                                                             \
    } while (0)
#define VOTE(NAME, TO, BIT)                                                                                                    \
    do {                                                                                                                       \
        NAME[LOCAL_ID] = (u32)(BIT) & 1;                                                                                       \
        BARRIER();                                                                                                             \
        TO = 0;                                                                                                                \
        for (u32 vote = 0; vote < 32; vote++) TO |= NAME[LOCAL_ID / 32 * 32 + vote] << vote;                                   \
        BARRIER();                                                                                                             \
    } while (0)
#endif
