#include "smtpd/commands/trace.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <list>
#include <optional>
#include <ostream>

#include "common/async/nursery.h"
#include "common/base/text.h"
#include "common/net/address.h"
#include "common/net/trace.h"
#include "common/process/control.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/master_link.h"
#include "smtpd/commands/usage.h"

namespace pennypost::smtp {
namespace {

constexpr std::uint64_t seconds_usual = 60;
constexpr std::uint64_t seconds_max = 3600;
constexpr std::size_t line_room = 2 * TraceDesk::line_bytes_max;

struct Call {
  LoadOptions load;
  std::string client;
  std::string user;
  std::string destination;
  std::chrono::seconds time{seconds_usual};
};

std::optional<Call> parse(std::span<const std::string> args) {
  Call call;
  for (std::size_t i = 0; i + 1 < args.size(); i += 2) {
    const std::string& value = args[i + 1];
    if (args[i] == "-c") {
      call.load.directory = value;
    } else if (args[i] == "--client") {
      auto address = IpAddress::parse(value);
      if (!address) return {};
      call.client = address->text();
    } else if (args[i] == "--user" && !value.empty()) {
      call.user = value;
    } else if (args[i] == "--destination" && !value.empty()) {
      call.destination = value;
    } else if (args[i] == "--seconds") {
      auto seconds = parse_number(value);
      if (!seconds || *seconds == 0 || *seconds > seconds_max) return {};
      call.time = std::chrono::seconds(*seconds);
    } else {
      return {};
    }
  }
  bool is_empty = call.client.empty() && call.user.empty() && call.destination.empty();
  bool is_whole = args.size() % 2 == 0 && !is_empty;
  if (!is_whole) return {};
  return call;
}

/// The connection to one master; the trace lasts as long as it.
struct Asked {
  Asked(Loop& loop, std::string name, Descriptor socket)
      : daemon(std::move(name)), link(loop, std::move(socket), services, master_process) {}
  std::string daemon;
  Services services;
  Link link;
};

Task<Result<void>> ask(Asked& master, const Call& call, int watcher) {
  control::Trace order;
  order.client = call.client;
  order.user = call.user;
  order.destination = call.destination;
  std::vector<Descriptor> descriptors;
  descriptors.emplace_back(fcntl(watcher, F_DUPFD_CLOEXEC, 3));
  auto asking = master.link.call(control::Trace::type, wire::encode(order), std::move(descriptors));
  CO_TRY(auto answer, co_await std::move(asking));
  (void)answer;
  co_return Result<void>();
}

/// Prints lines until the time is over, or nobody is left to send any.
Task<> print_lines(Loop& loop, int socket, SteadyTime end, std::ostream& out) {
  Poll poll(loop, socket);
  std::array<char, line_room> line{};
  for (;;) {
    bool is_ready = co_await poll.ready(Poll::Event::Readable, end);
    if (!is_ready) co_return;
    for (;;) {
      auto count = ::recv(socket, line.data(), line.size(), MSG_DONTWAIT);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) break;
      if (count == 0) co_return;
      out.write(line.data(), count) << std::endl;
    }
  }
}

Task<Result<void>> watch(Loop& loop, std::list<Asked>& masters, const Call& call,
                         std::ostream& out) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    co_return Error::temporary("no socket pair can be made");
  }
  Descriptor ours(ends[0]);
  Descriptor theirs(ends[1]);
  Nursery links(loop);
  for (auto& master : masters) links.start(master.link.run());
  for (auto& master : masters) {
    auto asking = ask(master, call, theirs.number());
    auto asked = co_await std::move(asking);
    if (!asked) co_return Error::temporary(master.daemon + ": " + asked.error().text());
  }
  // From now on only the daemons can write, and its end is theirs.
  theirs.close();
  auto printing = print_lines(loop, ours.number(), loop.now() + call.time, out);
  co_await std::move(printing);
  co_return Result<void>();
}

}  // namespace

int trace(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto call = parse(args);
  if (!call) {
    err << usage::trace << "\n";
    return ex_usage;
  }
  auto config = load_config(call->load, err);
  if (!config) return ex_config;
  Loop loop;
  std::list<Asked> masters;
  for (const auto& daemon : running_daemons(config->base_dir)) {
    auto socket = connect_to_master(config->base_dir, daemon);
    if (!socket) {
      bool is_forbidden = !socket.error().is_temporary();
      err << "pennypost trace: " << socket.error().text()
          << (is_forbidden ? "; only root, and the user as whom the daemons run, may watch" : "")
          << "\n";
      return is_forbidden ? ex_noperm : ex_tempfail;
    }
    masters.emplace_back(loop, daemon, *std::move(socket));
  }
  if (masters.empty()) {
    err << "no daemon runs; start them with: pennypost start\n";
    return ex_not_running;
  }
  auto watched = loop.run_until(watch(loop, masters, *call, out));
  if (watched) return 0;
  err << "pennypost trace: " << watched.error().text() << "\n";
  return ex_tempfail;
}

}  // namespace pennypost::smtp
