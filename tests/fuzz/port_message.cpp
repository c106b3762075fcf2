// Feeds a process what another one that an intruder has taken over might send: it must not crash,
// and each message that it takes has in every field a value of the field's kind.
//
// The first byte chooses between a stream of frames, the body of one message, and what auth
// processes tell each other or find in their file. Frames go through a real socketpair and Link, in
// pieces, and are answered there.
#include <sys/socket.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/assert.h"
#include "common/process/port.h"
#include "smtpd/process/message_types.h"
#include "smtpd/queue/record.h"
#include "store/login/auth_messages.h"

using namespace pennypost;

namespace {

template <class Message>
void check(std::string_view bytes) {
  auto message = wire::decode<Message>(bytes);
  if (!message) return;
  auto written = wire::encode(*message);
  ASSERT(written.size() == bytes.size());
  auto again = wire::decode<Message>(written);
  ASSERT(again && wire::encode(*again) == written);
}

template <class Request>
void check_both(std::string_view bytes) {
  check<Request>(bytes);
  check<typename Request::Reply>(bytes);
}

/// Requests with their replies.
template <class List>
struct Table;

template <class... Requests>
struct Table<MessageList<Requests...>> {
  using Check = void (*)(std::string_view);
  static constexpr std::array checks{Check(&check_both<Requests>)...};

  static void add_to(Services& services) { (add<Requests>(services), ...); }

 private:
  template <class Request>
  static void add(Services& services) {
    services.on<Request>([](Request, std::vector<Descriptor>) { return answer<Request>(); });
  }
  template <class Request>
  static Task<Result<typename Request::Reply>> answer() {
    co_return typename Request::Reply();
  }
};

using All = Table<smtp::AllMessages>;

void body(std::string_view input) {
  if (input.empty()) return;
  auto kind = static_cast<unsigned char>(input[0]) % (All::checks.size() + 3);
  auto bytes = input.substr(1);
  if (kind < All::checks.size()) return All::checks[kind](bytes);
  if (kind == All::checks.size()) return check<smtp::Envelope>(bytes);
  if (kind == All::checks.size() + 1) return check<smtp::MessageRecord>(bytes);
  check<smtp::RecipientRecord>(bytes);
}

Task<> serve(Loop& loop, Descriptor end) {
  Services services;
  All::add_to(services);
  Link link(loop, std::move(end), services, ProcessNumber(1));
  co_await link.run();
}

/// Each piece goes out with a descriptor beside it when its length is odd.
Task<> send(Loop& loop, Descriptor end, std::string_view input, std::size_t piece) {
  for (; !input.empty(); input.remove_prefix(std::min(piece, input.size()))) {
    auto part = input.substr(0, piece);
    iovec bytes{const_cast<char*>(part.data()), part.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &bytes;
    header.msg_iovlen = 1;
    if (part.size() % 2 == 1) {
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      cmsghdr* rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(sizeof(int));
      *reinterpret_cast<int*>(CMSG_DATA(rights)) = end.number();
    }
    if (sendmsg(end.number(), &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) co_return;
    co_await loop.turn_end();
  }
  shutdown(end.number(), SHUT_WR);
  std::array<char, 4096> answer;
  while (recv(end.number(), answer.data(), answer.size(), MSG_DONTWAIT) > 0) {
  }
}

void frames(std::string_view input) {
  if (input.empty()) return;
  auto piece = static_cast<unsigned char>(input[0]) + 1u;
  Loop loop;
  auto [ours, theirs] = socket_pair();
  Nursery tasks(loop);
  tasks.start(send(loop, std::move(theirs), input.substr(1, 4096), piece));
  loop.run_until(serve(loop, std::move(ours)));
}

void auth_notice(std::string_view bytes) {
  auto notice = store::parse_notice(bytes);
  if (!notice) return;
  auto written = store::encode(*notice);
  auto again = store::parse_notice(written);
  ASSERT(again && store::encode(*again) == written);
}

/// Whatever another process remembers, delays stay within their bounds.
void auth_state(std::string_view bytes) {
  auto entries = store::parse_state(bytes);
  if (!entries) return;
  ManualClock clock;
  LoginThrottle throttle(clock, {});
  constexpr Duration first{100};
  constexpr Duration longest{1000};
  for (const auto& entry : *entries) {
    throttle.merge(entry);
    auto delay = throttle.answer_delay(first, longest, entry.client, entry.login);
    ASSERT(delay >= Duration(0) && delay <= longest);
    (void)throttle.next_check(first, longest, entry.client);
    (void)throttle.is_blocked(entry.client, entry.login);
    (void)throttle.failed(entry.client, entry.login, entry.last);
    throttle.succeeded(entry.client, entry.login, entry.since);
  }
  ASSERT(store::parse_state(store::encode_state(throttle.entries())));
  throttle.lift("");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  switch (input[0]) {
    case 'F':
      frames(input.substr(1));
      break;
    case 'N':
      auth_notice(input.substr(1));
      break;
    case 'S':
      auth_state(input.substr(1));
      break;
    default:
      body(input.substr(1));
  }
  return 0;
}
