// What any user of the host may send over the queue's socket; no crash, an answer to each request,
// and changes for the queue's owner alone.
//
// The first byte says who asks and whether a sealed memory file lies beside each frame; the rest
// are frames. Each frame's length is put right, so that most are whole.
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/scratch.h"
#include "common/config/testing.h"
#include "common/log/sink.h"
#include "smtpd/pickup/control_server.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

constexpr std::size_t header_bytes = 16;
constexpr std::size_t requests_max = 20;
constexpr uid_t somebody = 54321;

class Silence final : public LogSink {
 public:
  void write(Severity, std::string_view, std::string_view, int) override {}
};

// A disk would make most of the time a commit takes.
Scratch in_memory() {
  if (::access("/dev/shm", W_OK) == 0) ::setenv("TMPDIR", "/dev/shm", 1);
  return Scratch();
}

/// A queue without peers: what is posted waits.
struct Desk {
  Desk() : scratch(in_memory()) {
    Queue::Options options;
    options.directory = scratch.path() / "queue";
    auto opened = Queue::open(loop, options, Clock::system());
    ASSERT(opened);
    queue = std::move(opened->queue);
    Scheduler::Peers peers;
    peers.port = [this](std::string_view) -> Port& { return nobody; };
    peers.config = [this] { return config; };
    scheduler = std::make_unique<Scheduler>(loop, *queue, std::move(peers), Clock::system());
    pickup = std::make_unique<PickupDesk>(
        loop, *queue, *scheduler, [this] { return config; }, PickupDesk::ask_later(),
        Clock::system());
    server = std::make_unique<ControlServer>(loop, *queue, *scheduler, *pickup,
                                             [this] { return config; });
    std::filesystem::create_directory(scratch.path() / "queue/maildrop");
  }
  ~Desk() {
    server.reset();
    pickup.reset();
    scheduler.reset();
    queue.reset();
  }

  Loop loop;
  Scratch scratch;
  std::shared_ptr<const Config> config =
      config_for_test({"myorigin=example.com", "message_size_limit=10000"});
  Port nobody{loop, "nobody"};
  std::unique_ptr<Queue> queue;
  std::unique_ptr<Scheduler> scheduler;
  std::unique_ptr<PickupDesk> pickup;
  std::unique_ptr<ControlServer> server;
};

/// Asks the requests one by one; each that bears an id is answered with that id.
Task<> ask(Loop& loop, Descriptor end, std::string_view input, bool has_file, bool is_owner) {
  MessageSocket socket(loop, std::move(end));
  for (std::size_t count = 0; count < requests_max && input.size() >= header_bytes; ++count) {
    std::uint32_t length = 0;
    Message message;
    std::memcpy(&length, input.data(), sizeof length);
    std::memcpy(&message.type, input.data() + 4, sizeof message.type);
    std::memcpy(&message.id, input.data() + 8, sizeof message.id);
    input.remove_prefix(header_bytes);
    message.body = input.substr(0, length);
    input.remove_prefix(message.body.size());
    if (has_file) {
      auto file = sealed_file("Subject: hi\n\n" + message.body);
      ASSERT(file);
      message.descriptors.push_back(*std::move(file));
    }
    auto id = message.id;
    auto type = message.type;
    socket.send(std::move(message));
    if (id == 0) continue;
    auto answer = co_await socket.receive();
    ASSERT(answer.id == id);
    ASSERT(answer.type == control_reply || answer.type == control_error);
    bool is_change = type == ChangeQueue::type || type == ReadMessage::type;
    if (is_change && !is_owner) ASSERT(answer.type == control_error);
    if (answer.type == control_error) ASSERT(wire::decode<WireError>(answer.body));
    if (answer.type == control_reply && type == ListQueue::type) {
      ASSERT(wire::decode<ListQueue::Page>(answer.body));
    }
  }
}

std::string remove_all() {
  ChangeQueue change;
  change.change = QueueChange::Remove;
  change.ids = {"ALL"};
  std::string body = wire::encode(change);
  auto length = static_cast<std::uint32_t>(body.size());
  std::string frame(header_bytes, '\0');
  std::memcpy(frame.data(), &length, sizeof length);
  std::memcpy(frame.data() + 4, &ChangeQueue::type, sizeof ChangeQueue::type);
  frame[8] = 1;
  return frame + body;
}

void play(Desk& desk, std::string_view frames, bool has_file, uid_t uid) {
  auto [ours, theirs] = socket_pair();
  Nursery serving(desk.loop);
  auto place = desk.server->try_take_place(uid);
  ASSERT(place);
  serving.start(desk.server->serve(std::move(ours), *std::move(place)));
  bool is_owner = uid == ::geteuid() || uid == 0;
  desk.loop.run_until(ask(desk.loop, std::move(theirs), frames, has_file, is_owner));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const auto before = set_log(std::make_unique<Silence>());
  static Desk desk;
  if (size == 0) return 0;
  std::string_view frames(reinterpret_cast<const char*>(data) + 1, size - 1);
  play(desk, frames, (data[0] & 1) != 0, (data[0] & 2) != 0 ? ::geteuid() : somebody);
  if ((data[0] & 1) != 0) play(desk, remove_all(), false, ::geteuid());
  return 0;
}
