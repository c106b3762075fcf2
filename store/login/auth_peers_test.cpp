#include "store/login/auth_peers.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>

#include "common/base/scratch.h"
#include "store/login/throttle_file.h"

using namespace pennypost;
using namespace pennypost::store;
using namespace std::chrono_literals;

namespace {

const IpAddress client = *IpAddress::parse("192.0.2.1");
const std::string bob = "bob@example.org";

LoginThrottle::Settings settings() {
  LoginThrottle::Settings made;
  made.per_pair_max = Limit(3);
  made.known_lifetime = 3600s;
  return made;
}

struct Process {
  Process(Loop& loop, const Scratch& scratch)
      : throttle(Clock::system(), settings()), peers(loop, throttle, scratch.path().string()) {
    REQUIRE(peers.open());
  }
  bool failed() {
    AuthEvent event;
    event.client = client;
    event.login = bob;
    event.when = Clock::system().now().count();
    return peers.note(std::move(event));
  }
  std::int64_t failures() const { return throttle.failures(client, bob); }
  LoginThrottle throttle;
  AuthPeers peers;
};

Task<> sleep(Loop& loop, Duration time) { co_await loop.sleep(time); }

Task<std::vector<std::string>> ask_all(Loop& loop, const Scratch& scratch, AuthNotice::Kind kind) {
  AuthNotice question;
  question.kind = kind;
  auto asked =
      co_await loop.offload([&] { return ask_auth_processes(scratch.path().string(), question); });
  co_return asked ? *asked : std::vector<std::string>();
}

template <class Condition>
bool comes_true(Loop& loop, Condition is_so) {
  for (int i = 0; i < 2000 && !is_so(); ++i) loop.run_until(sleep(loop, Duration(2)));
  return is_so();
}

std::string only_socket(const Scratch& scratch) {
  return std::filesystem::directory_iterator(scratch.path())->path().string();
}

}  // namespace

TEST_CASE("what one auth process counts all others count, and each can lead to the block") {
  Loop loop;
  Scratch scratch;
  Process smtpd(loop, scratch);
  Process popd(loop, scratch);
  Process imapd(loop, scratch);
  REQUIRE(comes_true(loop, [&] { return smtpd.peers.size() == 2 && popd.peers.size() == 2; }));
  CHECK_FALSE(smtpd.failed());
  CHECK_FALSE(popd.failed());
  REQUIRE(comes_true(loop, [&] { return imapd.failures() == 2 && popd.failures() == 2; }));
  CHECK(imapd.failed());
  CHECK(comes_true(loop, [&] { return smtpd.throttle.is_blocked(client, bob); }));
  AuthEvent right;
  right.is_success = true;
  right.client = client;
  right.login = bob;
  right.when = Clock::system().now().count();
  popd.peers.note(right);
  CHECK(comes_true(loop, [&] { return smtpd.failures() == 0 && imapd.failures() == 0; }));
  CHECK(smtpd.throttle.is_known(client, bob));
}

TEST_CASE("a process that begins learns what the others know; one that died is forgotten") {
  Loop loop;
  Scratch scratch;
  auto old = std::make_unique<Process>(loop, scratch);
  for (int i = 0; i < 3; ++i) old->failed();
  Process young(loop, scratch);
  CHECK(comes_true(loop, [&] { return young.throttle.is_blocked(client, bob); }));
  old.reset();
  CHECK(young.peers.size() == 1);
  young.failed();
  CHECK(comes_true(loop, [&] { return young.peers.size() == 0; }));
}

TEST_CASE("the name of a process that was killed is removed by the next") {
  Loop loop;
  Scratch scratch;
  std::string dead = scratch / "0123456789abcdef";
  {
    Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, dead.data(), dead.size());
    REQUIRE(::bind(socket.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  Process process(loop, scratch);
  CHECK_FALSE(std::filesystem::exists(dead));
}

TEST_CASE("a command sees the state of each process, and lifts blocks in all") {
  Loop loop;
  Scratch scratch;
  Process one(loop, scratch);
  Process other(loop, scratch);
  REQUIRE(comes_true(loop, [&] { return one.peers.size() == 1; }));
  for (int i = 0; i < 3; ++i) one.failed();
  REQUIRE(comes_true(loop, [&] { return other.throttle.is_blocked(client, bob); }));
  auto ask = [&](AuthNotice::Kind kind) { return loop.run_until(ask_all(loop, scratch, kind)); };
  auto states = ask(AuthNotice::Kind::State);
  REQUIRE(states.size() == 2);
  CHECK(parse_state(states[0])->size() == 2);
  CHECK(ask(AuthNotice::Kind::Lift) == std::vector<std::string>{"2", "2"});
  CHECK(one.failures() + other.failures() == 0);
}

TEST_CASE("datagrams that are no notices change nothing") {
  Loop loop;
  Scratch scratch;
  Process process(loop, scratch);
  Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, only_socket(scratch).c_str(), sizeof address.sun_path - 1);
  REQUIRE(::connect(socket.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  for (const std::string& bytes :
       {std::string(), std::string("x"), std::string(notice_bytes_max + 1, '\0')}) {
    CHECK(::send(socket.number(), bytes.data(), bytes.size(), 0) ==
          static_cast<ssize_t>(bytes.size()));
  }
  // Datagrams of one socket come in order: once this one has changed something, none before did.
  AuthNotice notice;
  notice.events.emplace_back();
  std::string bytes = encode(notice);
  REQUIRE(::send(socket.number(), bytes.data(), bytes.size(), 0) ==
          static_cast<ssize_t>(bytes.size()));
  REQUIRE(comes_true(loop, [&] { return process.peers.changes() > 0; }));
  CHECK(process.peers.changes() == 1);
}

TEST_CASE("a datagram of another user changes nothing") {
  REQUIRE_MESSAGE(::geteuid() == 0, "this needs root, who alone can become another");
  Loop loop;
  Scratch scratch;
  Process process(loop, scratch);
  AuthNotice notice;
  notice.events.emplace_back();
  std::string bytes = encode(notice);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, only_socket(scratch).c_str(), sizeof address.sun_path - 1);
  for (uid_t uid : {uid_t{65534}, uid_t{0}}) {
    Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM, 0));
    REQUIRE(::connect(socket.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    pid_t child = ::fork();
    if (child == 0) {
      bool is_sent = (uid == 0 || ::setuid(uid) == 0) &&
                     ::send(socket.number(), bytes.data(), bytes.size(), 0) > 0;
      ::_exit(is_sent ? 0 : 1);
    }
    int status = 1;
    ::waitpid(child, &status, 0);
    REQUIRE(status == 0);
  }
  // They come in order: root's is read after the other's.
  REQUIRE(comes_true(loop, [&] { return process.peers.changes() > 0; }));
  CHECK(process.peers.changes() == 1);
}

TEST_CASE("a notice comes back as it was written; what is out of bounds is an error") {
  AuthNotice notice;
  for (std::size_t i = 0; i < events_max; ++i) {
    AuthEvent event;
    event.client = *IpAddress::parse("2001:db8::1");
    event.login = std::string(LoginThrottle::login_bytes_max, 'x');
    event.when = -1;
    notice.events.push_back(event);
  }
  auto bytes = encode(notice);
  CHECK(bytes.size() <= notice_bytes_max);
  auto back = parse_notice(bytes);
  REQUIRE(back);
  CHECK(back->events.size() == events_max);
  CHECK(back->events[7].client == notice.events[7].client);
  CHECK(back->events[7].login == notice.events[7].login);
  for (std::size_t cut = 0; cut < 100; ++cut) CHECK_FALSE(parse_notice(bytes.substr(0, cut)));
  CHECK_FALSE(parse_notice(bytes + "x"));
  notice.events.emplace_back();
  CHECK_FALSE(parse_notice(encode(notice)));
  AuthNotice hello;
  hello.kind = AuthNotice::Kind::Hello;
  for (const char* name : {"", "../../../etc/pwd", "0123456789abcdeg", "0123456789abcdef0"}) {
    hello.name = name;
    CHECK_FALSE(parse_notice(encode(hello)));
  }
  hello.name = "0123456789abcdef";
  CHECK(parse_notice(encode(hello)));
  auto wrong = encode(hello);
  wrong[0] = 4;
  CHECK_FALSE(parse_notice(wrong));
}

TEST_CASE(
    "the state comes back from its file; a damaged or foreign file is an error, and none is "
    "nothing") {
  Scratch scratch;
  std::string directory = scratch.path().string();
  auto none = load_throttle(directory);
  REQUIRE(none);
  CHECK(none->empty());
  LoginThrottle throttle(Clock::system(), settings());
  auto now = Clock::system().now().count();
  for (int i = 0; i < 3; ++i) throttle.failed(client, bob, now);
  throttle.succeeded(*IpAddress::parse("2001:db8::1"), "ann", now);
  REQUIRE(save_throttle(directory, throttle.entries()));
  REQUIRE(save_throttle(directory, throttle.entries()));
  LoginThrottle other(Clock::system(), settings());
  auto kept = load_throttle(directory);
  REQUIRE(kept);
  for (const auto& entry : *kept) other.merge(entry);
  CHECK(other.is_blocked(client, bob));
  CHECK(other.is_known(*IpAddress::parse("2001:db8::2"), "ann"));
  std::filesystem::resize_file(scratch / "throttle", 40);
  CHECK_FALSE(load_throttle(directory));
  std::filesystem::resize_file(scratch / "throttle", 3);
  CHECK_FALSE(load_throttle(directory));
  std::filesystem::remove(scratch / "throttle");
  std::filesystem::create_symlink("/etc/passwd", scratch / "throttle");
  CHECK_FALSE(load_throttle(directory));
  CHECK(save_throttle(directory, {}));
  CHECK(load_throttle(directory)->empty());
}
