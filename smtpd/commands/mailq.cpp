#include "smtpd/commands/mailq.h"

#include <ostream>
#include <sstream>

#include "common/config/config.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/postqueue.h"
#include "smtpd/commands/queue_access.h"
#include "smtpd/commands/usage.h"

namespace pennypost::smtp {
namespace {

int list(const std::shared_ptr<const Config>& config, bool as_json, std::ostream& out,
         std::ostream& err) {
  std::ostringstream text;
  int status = 0;
  {
    auto queue = QueueAccess::open(config);
    if (!queue) {
      err << "postqueue: fatal: Queue report unavailable - mail system is down ("
          << queue.error().text() << ")\n";
      return ex_unavailable;
    }
    if (!queue->is_direct()) return print_queue(queue->client(), as_json, out, err);
    err << "postqueue: warning: Mail system is down -- accessing queue directly\n";
    // A pager must not hold the queue's lock while an smtpd is being started, so print only
    // afterwards.
    status = print_queue(queue->client(), as_json, text, err);
  }
  out << text.str();
  return status;
}

}  // namespace

int mailq(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  LoadOptions options;
  bool as_json = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "-c" && i + 1 < args.size()) {
      options.directory = args[++i];
    } else if (args[i] == "-j") {
      as_json = true;
    } else {
      err << usage::pennypost_mailq << "\n";
      return ex_usage;
    }
  }
  auto config = load_config(options, err);
  if (!config) return ex_config;
  return list(config, as_json, out, err);
}

}  // namespace pennypost::smtp
