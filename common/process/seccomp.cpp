#include "common/process/seccomp.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>

#include "common/process/seccomp_calls.h"

#if defined(__SANITIZE_ADDRESS__)
#define PENNYPOST_WITH_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PENNYPOST_WITH_SANITIZER 1
#endif
#endif

namespace pennypost {
namespace {

#ifdef PENNYPOST_WITH_SANITIZER
constexpr bool is_filtered = false;
#else
constexpr bool is_filtered = true;
#endif

constexpr std::uint64_t low_half = 0xffffffff;  // the part of an int argument that the kernel uses

/// A filter under construction; remembers the first thing that went wrong.
class Filter {
 public:
  explicit Filter(std::uint32_t otherwise) : filter_(seccomp_init(otherwise), seccomp_release) {
    if (!filter_) {
      fail("init", ENOMEM);
      return;
    }
    // Only an intruder calls with another architecture. Our processes run no untrusted code, so the
    // mitigation against it, which slows everything down, stays off.
    set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    set(SCMP_FLTATR_CTL_SSB, 1);
    set(SCMP_FLTATR_CTL_NNP, 0);
    set(SCMP_FLTATR_API_SYSRAWRC, 1);
    set(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree
  }

  void add_all(std::uint32_t action, std::span<const char* const> names) {
    for (const char* name : names) add(action, name);
  }
  /// Adds a rule for calls that meet all `conditions`.
  void add(std::uint32_t action, const char* name,
           std::initializer_list<scmp_arg_cmp> conditions = {}) {
    if (problem_ != 0) return;
    int call = seccomp_syscall_resolve_name(name);
    if (call < 0) return;  // not on this architecture
    auto count = static_cast<unsigned>(conditions.size());
    int failed = seccomp_rule_add_array(filter_.get(), action, call, count, conditions.begin());
    bool is_twice = failed == -EEXIST;
    if (failed != 0 && !is_twice) fail(name, -failed);
  }

  Result<void> load() {
    if (problem_ != 0) return error();
    int failed = seccomp_load(filter_.get());
    if (failed == 0) return {};
    fail("load", -failed);
    return error();
  }

 private:
  void set(scmp_filter_attr attribute, std::uint32_t value) {
    // An older kernel or library lacks some; without them the filter is not weaker.
    seccomp_attr_set(filter_.get(), attribute, value);
  }
  void fail(const char* step, int problem) {
    step_ = step;
    problem_ = problem;
  }
  Error error() const {
    return Error::permanent("cannot give up privileges: seccomp " + step_ + ": " +
                            std::strerror(problem_));
  }

  std::unique_ptr<void, decltype(&seccomp_release)> filter_;
  std::string step_;
  int problem_ = 0;
};

scmp_arg_cmp equals(unsigned argument, int value) {
  return SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, low_half, static_cast<unsigned>(value));
}
scmp_arg_cmp has_bits(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, mask, value);
}

/// Adds rules for calls whose effect depends on an argument.
void add_by_argument(Filter& filter, Calls calls) {
  // Threads, not processes. clone3's arguments are in memory, which a filter can't read, so it
  // fails with ENOSYS, and libc calls clone instead.
  filter.add(SCMP_ACT_ALLOW, "clone", {has_bits(0, CLONE_THREAD, CLONE_THREAD)});
  // abort() signals itself.
  filter.add(SCMP_ACT_ALLOW, "tgkill", {equals(0, getpid())});
  // Signal 0 checks whether the holder of a lock still exists.
  if (has(calls, Calls::WriteFiles)) {
    filter.add(SCMP_ACT_ALLOW, "kill", {equals(1, 0)});
    filter.add(SCMP_ACT_KILL_PROCESS, "kill", {SCMP_CMP64(1, SCMP_CMP_NE, 0, 0)});
  } else {
    filter.add(SCMP_ACT_KILL_PROCESS, "kill");
  }
  // A process may read and lower its own limits, but not those of others.
  filter.add(SCMP_ACT_ALLOW, "prlimit64", {equals(0, 0)});
  for (int request : {FIONBIO, FIONREAD, FIOCLEX, FIONCLEX, TCGETS}) {
    filter.add(SCMP_ACT_ALLOW, "ioctl", {equals(1, request)});
  }
  // The newer form of fstat().
  if (!has(calls, Calls::ReadFiles)) {
    filter.add(SCMP_ACT_ALLOW, "newfstatat", {has_bits(3, AT_EMPTY_PATH, AT_EMPTY_PATH)});
  }
  for (const char* name : {"mmap", "mmap2", "mprotect"}) {
    if (has(calls, Calls::ReadFiles)) {
      filter.add(SCMP_ACT_ALLOW, name);
    } else {
      filter.add(SCMP_ACT_ALLOW, name, {has_bits(2, PROT_EXEC, 0)});
    }
  }
  struct Family {
    Calls group;
    int number;
  };
  for (auto family :
       {Family{Calls::Network, AF_INET}, Family{Calls::Network, AF_INET6},
        Family{Calls::HostServices, AF_UNIX}, Family{Calls::HostServices, AF_NETLINK}}) {
    if (has(calls, family.group)) {
      filter.add(SCMP_ACT_ALLOW, "socket", {equals(0, family.number)});
    }
  }
}

Result<void> allow_listed(Calls calls) {
  Filter filter(SCMP_ACT_ERRNO(ENOSYS));
  filter.add_all(SCMP_ACT_ALLOW, seccomp::base);
  if (has(calls, Calls::Accept)) filter.add_all(SCMP_ACT_ALLOW, seccomp::accept);
  if (has(calls, Calls::Network | Calls::HostServices)) {
    filter.add_all(SCMP_ACT_ALLOW, seccomp::connect);
  }
  if (has(calls, Calls::WriteFiles)) filter.add_all(SCMP_ACT_ALLOW, seccomp::write_files);
  bool reads = has(calls, Calls::ReadFiles);
  if (reads) filter.add_all(SCMP_ACT_ALLOW, seccomp::read_files);
  add_by_argument(filter, calls);
  if (!reads) {
    for (const char* name : seccomp::read_files) {
      if (std::string_view(name) != "newfstatat") filter.add(SCMP_ACT_ERRNO(ENOENT), name);
    }
  }
  filter.add_all(SCMP_ACT_KILL_PROCESS, seccomp::never);
  filter.add_all(SCMP_ACT_KILL_PROCESS, seccomp::intruders);
  return filter.load();
}

Result<void> allow_programs() {
  Filter filter(SCMP_ACT_ALLOW);
  filter.add_all(SCMP_ACT_ERRNO(EPERM), seccomp::never);
  return filter.load();
}

}  // namespace

bool can_restrict_calls() { return is_filtered && prctl(PR_GET_SECCOMP) >= 0; }

Result<void> restrict_calls(Calls calls) {
  if (!can_restrict_calls()) return {};
  return has(calls, Calls::RunPrograms) ? allow_programs() : allow_listed(calls);
}

}  // namespace pennypost
