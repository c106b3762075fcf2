#include "common/dns/cares_resolver.h"

#include <ares.h>
#include <fcntl.h>
#include <sys/random.h>

#include <algorithm>
#include <list>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "common/async/nursery.h"
#include "common/base/descriptor.h"
#include "common/base/text.h"
#include "common/dns/message.h"
#include "common/metrics/figures.h"

namespace pennypost {
namespace {

/// A question in progress. Owned by the tasks that wait for it and by c-ares's callback, since a
/// question can't be cancelled.
struct Question {
  Question(Loop& loop, std::string asked, DnsType of)
      : name(std::move(asked)), type(of), done(loop) {}
  std::string name;
  DnsType type;
  std::uint16_t id = 0;
  bool is_done = false;
  DnsReply reply;
  Event done;
};

using Key = std::pair<std::string, DnsType>;

/// Answers with their expiry, the most recently used first.
class Cache {
 public:
  explicit Cache(std::size_t entries_max) : entries_max_(entries_max) {}

  const DnsReply* find(const Key& key, SteadyTime now) {
    auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    if (found->second->end <= now) {
      entries_.erase(found->second);
      by_key_.erase(found);
      return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->reply;
  }
  void put(const Key& key, const DnsReply& reply, SteadyTime end) {
    auto found = by_key_.find(key);
    if (found != by_key_.end()) {
      entries_.erase(found->second);
      by_key_.erase(found);
    }
    entries_.push_front(Entry{key, reply, end});
    by_key_[key] = entries_.begin();
    if (entries_.size() <= entries_max_) return;
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }

 private:
  struct Entry {
    Key key;
    DnsReply reply;
    SteadyTime end;
  };
  std::size_t entries_max_;
  std::list<Entry> entries_;
  std::map<Key, std::list<Entry>::iterator> by_key_;
};

/// Watches one of c-ares's sockets. It uses a duplicate, so that c-ares may close its own at any
/// time; the watch is destroyed when none of its tasks is running.
struct Watch {
  Watch(Loop& loop, Descriptor own)
      : duplicate(std::move(own)), poll(loop, duplicate.number()), readers(loop), writers(loop) {}
  Descriptor duplicate;
  Poll poll;
  bool is_closed = false;
  Nursery readers;
  Nursery writers;
};

std::uint16_t random_id() {
  std::uint16_t id = 0;
  ASSERT(getrandom(&id, sizeof id, 0) == sizeof id);
  return id;
}

}  // namespace

struct CaresResolver::State {
  State(Loop& on, DnsSettings with)
      : loop(on),
        settings(std::move(with)),
        cache(settings.cache_entries_max),
        ticks(loop, [this] { tick(); }),
        reaper(loop, [this] { closed.clear(); }) {
    open_channel();
  }
  ~State() {
    is_ending = true;
    ares_destroy(channel);
    watches.clear();
    closed.clear();
  }

  void open_channel() {
    static const int library = ares_library_init(ARES_LIB_INIT_ALL);
    ASSERT(library == ARES_SUCCESS);
    ares_options options{};
    // EDNS: a server that does not support it is asked again without. IGNTC is not set, so
    // truncated answers are asked for again by TCP.
    options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
    options.ednspsz = edns_udp_bytes;
    options.timeout = static_cast<int>(settings.timeout.count());
    options.tries = settings.tries;
    options.sock_state_cb = [](void* self, int socket, int readable, int writable) {
      static_cast<State*>(self)->socket_changed(socket, readable != 0, writable != 0);
    };
    options.sock_state_cb_data = this;
    char lookups[] = "b";
    options.lookups = lookups;
    int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
               ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS;
    ASSERT(ares_init_options(&channel, &options, mask) == ARES_SUCCESS);
    std::string servers;
    for (const auto& server : settings.servers) {
      if (!servers.empty()) servers += ',';
      servers += server.text();
    }
    ASSERT(ares_set_servers_ports_csv(channel, servers.c_str()) == ARES_SUCCESS);
  }

  void socket_changed(int socket, bool readable, bool writable) {
    if (is_ending) return;
    auto& watch = watches[socket];
    if (!readable && !writable) {
      if (watch) {
        watch->is_closed = true;
        closed.push_back(std::move(watch));
        reaper.start(Duration::zero());
      }
      watches.erase(socket);
      return;
    }
    if (!watch) {
      Descriptor duplicate(fcntl(socket, F_DUPFD_CLOEXEC, 3));
      // Out of descriptors: this socket is not read, and its question times out.
      if (!duplicate) return;
      watch = std::make_unique<Watch>(loop, std::move(duplicate));
    }
    if (readable && watch->readers.empty()) {
      watch->readers.start(wait_readable(*watch, socket));
    }
    if (writable && watch->writers.empty()) {
      watch->writers.start(wait_writable(*watch, socket));
    }
  }

  Task<> wait_readable(Watch& watch, int socket) {
    while (!watch.is_closed) {
      co_await watch.poll.ready(Poll::Event::Readable, SteadyTime::max());
      if (!watch.is_closed) ares_process_fd(channel, socket, ARES_SOCKET_BAD);
      schedule_tick();
    }
  }
  /// Waits once: c-ares says so again if it has more to write.
  Task<> wait_writable(Watch& watch, int socket) {
    co_await watch.poll.ready(Poll::Event::Writable, SteadyTime::max());
    if (!watch.is_closed) ares_process_fd(channel, ARES_SOCKET_BAD, socket);
    schedule_tick();
  }

  void tick() {
    ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    schedule_tick();
  }
  void schedule_tick() {
    timeval room{};
    timeval* next = ares_timeout(channel, nullptr, &room);
    if (next == nullptr) {
      ticks.stop();
      return;
    }
    // Rounded up, so that the time has passed for c-ares, too.
    ticks.start(Duration(next->tv_sec * 1000 + next->tv_usec / 1000 + 1));
  }

  Task<DnsReply> ask(Key key) {
    const DnsReply* kept = cache.find(key, loop.now());
    metrics::count(metrics::Metric::cache_lookups, "dns", kept != nullptr ? "hit" : "miss");
    if (kept != nullptr) co_return *kept;
    auto found = under_way.find(key);
    std::shared_ptr<Question> question;
    if (found != under_way.end()) {
      question = found->second;
    } else {
      if (under_way.size() >= settings.questions_max) {
        co_return DnsReply(DnsStatus::TryLater, "too many DNS questions under way");
      }
      auto id = fresh_id();
      auto query = dns_query(id, key.first, key.second);
      if (!query) co_return DnsReply(DnsStatus::NoSuchName, "Host not found");
      question = std::make_shared<Question>(loop, key.first, key.second);
      question->id = id;
      under_way.emplace(key, question);
      ids.insert(id);
      send(question, *query);
    }
    if (!question->is_done) {
      auto waiting = wait_for(question);
      co_await within(loop, settings.deadline, std::move(waiting));
    }
    if (!question->is_done) {
      co_return DnsReply(DnsStatus::TryLater, "no answer from any name server in time");
    }
    co_return question->reply;
  }
  static Task<> wait_for(std::shared_ptr<Question> question) {
    while (!question->is_done) co_await question->done.wait();
  }

  std::uint16_t fresh_id() const {
    std::uint16_t id = random_id();
    while (ids.contains(id)) id = random_id();
    return id;
  }

  void send(const std::shared_ptr<Question>& question, const std::string& query) {
    struct Argument {
      State* state;
      std::shared_ptr<Question> question;
    };
    auto* argument = new Argument{this, question};
    ares_send(
        channel, reinterpret_cast<const unsigned char*>(query.data()),
        static_cast<int>(query.size()),
        [](void* raw, int status, int, unsigned char* bytes, int size) {
          std::unique_ptr<Argument> owned(static_cast<Argument*>(raw));
          std::string_view answer;
          if (bytes != nullptr && size > 0) {
            answer = {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
          }
          owned->state->answered(*owned->question, status, answer);
        },
        argument);
    schedule_tick();
  }

  void answered(Question& question, int status, std::string_view bytes) {
    if (status == ARES_EDESTRUCTION || is_ending) return;
    if (status == ARES_SUCCESS) {
      auto reply = parse_dns_reply(bytes, question.name, question.type);
      question.reply = reply ? *reply : DnsReply(DnsStatus::TryLater, reply.error().text());
    } else {
      // Since c-ares checks answers, ECONNREFUSED also means SERVFAIL, REFUSED or NOTIMP from the
      // last server asked.
      question.reply = DnsReply(DnsStatus::TryLater, failure_text(status));
    }
    if (!settings.trusts_ad) question.reply.is_authentic = false;
    question.is_done = true;
    ids.erase(question.id);
    Key key(question.name, question.type);
    keep(key, question.reply);
    question.done.notify_all();
    under_way.erase(key);
  }
  static std::string failure_text(int status) {
    if (status == ARES_ETIMEOUT) return "Host not found, try again (name server timeout)";
    if (status == ARES_ECONNREFUSED) {
      return "Host not found, try again (name server failed or refused)";
    }
    return std::string("Host not found, try again (") + ares_strerror(status) + ")";
  }
  void keep(const Key& key, const DnsReply& reply) {
    if (reply.status == DnsStatus::TryLater) return;
    auto most = reply.status == DnsStatus::Found ? settings.ttl_max : settings.negative_ttl_max;
    auto ttl = std::min(most, std::chrono::seconds(reply.ttl_seconds));
    if (ttl.count() > 0) cache.put(key, reply, loop.now() + ttl);
  }

  Loop& loop;
  DnsSettings settings;
  ares_channel channel = nullptr;
  bool is_ending = false;
  Cache cache;
  std::map<Key, std::shared_ptr<Question>> under_way;
  std::unordered_set<std::uint16_t> ids;
  std::unordered_map<int, std::unique_ptr<Watch>> watches;
  std::vector<std::unique_ptr<Watch>> closed;
  Timer ticks;
  Timer reaper;
};

CaresResolver::CaresResolver(Loop& loop, DnsSettings settings)
    : state_(std::make_unique<State>(loop, std::move(settings))) {}

CaresResolver::~CaresResolver() = default;

Task<DnsReply> CaresResolver::query(std::string name, DnsType type) {
  std::string plain = lower(name);
  if (plain.size() > 1 && plain.ends_with('.')) plain.pop_back();
  Key key(std::move(plain), type);
  auto work = state_->ask(std::move(key));
  co_return co_await std::move(work);
}

std::vector<IpAddress> CaresResolver::hosts_addresses(const std::string& name) const {
  std::vector<IpAddress> found;
  auto [first, last] = state_->settings.hosts.addresses.equal_range(lower(name));
  for (; first != last; ++first) found.push_back(first->second);
  return found;
}

std::string CaresResolver::hosts_name(const IpAddress& address) const {
  auto found = state_->settings.hosts.names.find(address);
  return found == state_->settings.hosts.names.end() ? std::string() : found->second;
}

}  // namespace pennypost
