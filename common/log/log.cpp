#include "common/log/log.h"

#include <sys/wait.h>

#include <algorithm>
#include <cstdio>

#include "common/base/text.h"
#include "common/log/line.h"
#include "common/metrics/figures.h"

namespace pennypost {
namespace {

constexpr std::size_t header_shown_bytes_max = 200;  // as in Postfix

std::string peer_text(const LogPeer& peer) {
  std::string name = peer.name.empty() ? "unknown" : log_field(peer.name);
  return name + "[" + log_field(peer.address) + "]";
}

/// ` from=<a@b> to=<x@y> proto=ESMTP helo=<h>`, or the parts that are known.
void add_transaction(LineDraft& line, const LogTransaction& transaction) {
  if (transaction.has_sender) line.bracketed(" ", "from", transaction.sender);
  if (transaction.has_recipient) line.bracketed(" ", "to", transaction.recipient);
  if (!transaction.protocol.empty()) line.key(" ", "proto", transaction.protocol);
  if (!transaction.helo.empty()) line.bracketed(" ", "helo", transaction.helo);
}

void add_login(LineDraft& line, const LogLogin& login) {
  line.bracketed("", "user", login.user);
  if (!login.method.empty()) line.key(", ", "method", login.method);
  line.key(", ", "rip", login.remote).key(", ", "lip", login.local);
  if (login.tls) line.words(", ").value("tls", "TLS");
  line.bracketed(", ", "session", login.session);
}

void write_trouble(Severity severity, std::string_view component, std::string_view text) {
  metrics::count(metrics::Metric::log_lines, severity_name(severity));
  log_sink().write(severity, component, printable(text, log_line_bytes_max));
}

/// How the reason of a broken session is counted: `lost connection` as lost_connection.
std::string label_of(std::string_view words) {
  std::string label(words);
  std::ranges::replace(label, ' ', '_');
  return label;
}

}  // namespace

void log_info(std::string_view component, std::string_view text) {
  log_sink().write(Severity::Info, component, printable(text, log_line_bytes_max));
}

void log_warning(std::string_view component, std::string_view text) {
  write_trouble(Severity::Warning, component, text);
}

void log_error(std::string_view component, std::string_view text) {
  write_trouble(Severity::Error, component, text);
}

void log_fatal(std::string_view component, std::string_view text) {
  write_trouble(Severity::Fatal, component, text);
}

void log_connect(const LogPeer& peer) {
  metrics::count(metrics::Metric::connections);
  LineDraft().words("connect from ").value("client", peer_text(peer)).write(peer.component);
}

void log_disconnect(const LogPeer& peer, std::string_view counts) {
  LineDraft line;
  line.words("disconnect from ").value("client", peer_text(peer));
  if (!counts.empty()) line.words(" ").value("counts", log_field(counts));
  line.write(peer.component);
}

void log_broken_off(std::string_view what, std::string_view stage, const LogPeer& peer) {
  metrics::count(metrics::Metric::broken_sessions, label_of(what));
  LineDraft line;
  line.value("reason", log_field(what)).words(" after ").value("stage", log_field(stage));
  line.words(" from ").value("client", peer_text(peer)).write(peer.component);
}

void log_client(std::string_view queue_id, const LogPeer& peer, std::string_view sasl_method,
                std::string_view sasl_username, const LogOrigin& origin) {
  LineDraft line(queue_id);
  line.words("client=").value("client", peer_text(peer));
  if (!sasl_method.empty()) line.key(", ", "sasl_method", sasl_method);
  if (!sasl_username.empty()) line.key(", ", "sasl_username", sasl_username);
  if (!origin.queue_id.empty()) line.key(", ", "orig_queue_id", origin.queue_id);
  if (!origin.client.empty()) line.key(", ", "orig_client", origin.client);
  line.write(peer.component);
}

void log_tls(std::string_view trust, const LogPeer& peer, std::string_view protocol,
             std::string_view cipher, int bits) {
  std::string size = std::to_string(bits);
  LineDraft line;
  line.value("trust", trust).words(" TLS connection established from ");
  line.value("client", peer_text(peer)).words(": ").value("protocol", log_field(protocol));
  line.words(" with cipher ").value("cipher", log_field(cipher));
  line.words(" (").words(size).words("/").value("bits", size, true).words(" bits)");
  line.write(peer.component);
}

void log_sasl_failed(const LogPeer& peer, std::string_view mechanism, std::string_view reason,
                     std::string_view sasl_username) {
  LineDraft line;
  line.value("client", peer_text(peer)).words(": SASL ").value("sasl_method", log_field(mechanism));
  line.words(" authentication failed: ").value("reason", log_field(reason));
  if (!sasl_username.empty()) line.key(", ", "sasl_username", sasl_username);
  line.write(peer.component, Severity::Warning);
}

void log_decision(std::string_view action, const LogTransaction& transaction,
                  std::string_view reply) {
  metrics::count(metrics::Metric::decisions, action, transaction.stage);
  LineDraft line(transaction.queue_id);
  line.value("action", log_field(action)).words(": ").value("stage", log_field(transaction.stage));
  line.words(" from ").value("client", peer_text(transaction.peer)).words(": ");
  line.value("reply", printable(reply)).words(";");
  add_transaction(line, transaction);
  if (line.ends_with(';')) line.pop_back();
  line.write(transaction.peer.component);
}

void log_authentication(const LogTransaction& transaction, std::string_view results) {
  LineDraft line(transaction.queue_id);
  line.words("authentication: ").value("results", printable(results));
  line.write(transaction.peer.component);
}

void log_message_id(std::string_view queue_id, std::string_view message_id) {
  metrics::count(metrics::Metric::messages_received);
  LineDraft(queue_id)
      .words("message-id=")
      .value("message_id", log_field(message_id))
      .write("cleanup");
}

void log_content_check(std::string_view action, std::string_view part, std::string_view content,
                       const LogTransaction& transaction, std::string_view text) {
  std::string origin = transaction.peer.address.empty() ? "local" : peer_text(transaction.peer);
  LineDraft line(transaction.queue_id);
  line.value("action", log_field(action)).words(": ").value("part", part).words(" ");
  line.value("content", printable(content.substr(0, header_shown_bytes_max)));
  line.words(" from ").value("client", origin).words(";");
  add_transaction(line, transaction);
  if (!text.empty()) line.reason(": ", text, "");
  line.write("cleanup");
}

void log_sent_content_check(std::string_view component, std::string_view queue_id,
                            std::string_view action, std::string_view part,
                            std::string_view content, std::string_view text) {
  LineDraft line(queue_id);
  line.value("action", log_field(action)).words(": ").value("part", part).words(" ");
  line.value("content", printable(content.substr(0, header_shown_bytes_max)));
  if (!text.empty()) line.reason(": ", text, "");
  line.write(component);
}

void log_pickup(std::string_view queue_id, std::uint32_t uid, std::string_view sender) {
  LineDraft(queue_id).number("", "uid", uid).bracketed(" ", "from", sender).write("pickup");
}

void log_active(std::string_view queue_id, std::string_view sender, std::uint64_t size_bytes,
                std::size_t recipients) {
  LineDraft line(queue_id);
  line.bracketed("", "from", sender).number(", ", "size", size_bytes);
  line.number(", ", "nrcpt", recipients).words(" (queue active)").write("qmgr");
}

void log_expired(std::string_view queue_id, std::string_view sender, bool is_forced) {
  LineDraft line(queue_id);
  line.bracketed("", "from", sender).key(", ", "status", is_forced ? "force-expired" : "expired");
  line.words(", returned to sender").write("qmgr");
}

void log_removed(std::string_view queue_id) {
  LineDraft(queue_id).value("action", "removed").write("qmgr");
}

void log_queue_change(std::string_view queue_id, std::string_view what) {
  LineDraft(queue_id).value("action", log_field(what)).write("postsuper");
}

void log_delivery(const LogDelivery& delivery) {
  using metrics::Metric;
  constexpr std::array stages{"before_queue", "in_queue", "connection", "transmission"};
  LineDraft line(delivery.queue_id);
  line.bracketed("", "to", delivery.recipient);
  if (!delivery.original.empty() && delivery.original != delivery.recipient) {
    line.bracketed(", ", "orig_to", delivery.original);
  }
  line.key(", ", "relay", delivery.relay);
  if (delivery.connection_use > 1) {
    line.number(", ", "conn_use", static_cast<std::uint64_t>(delivery.connection_use));
  }
  Microseconds total{};
  std::string parts;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    total += delivery.delays[i];
    parts += (parts.empty() ? "" : "/") + delay_text(delivery.delays[i]);
    metrics::observe(Metric::delivery_delay, stages[i], delivery.delays[i]);
  }
  metrics::observe(Metric::delivery_delay, "total", total);
  metrics::count(Metric::deliveries, delivery.component, delivery.status);
  line.number(", ", "delay", delay_text(total)).key(", ", "delays", parts);
  line.key(", ", "dsn", delivery.dsn).key(", ", "status", delivery.status);
  line.reason(" (", delivery.reason, ")");
  line.write(delivery.component, Severity::Info, delivery.process);
}

void log_notification(std::string_view queue_id, std::string_view to, std::string_view kind,
                      std::string_view notification_id) {
  LineDraft line(queue_id);
  line.value("notified", log_field(to)).words(" ").value("kind", log_field(kind));
  line.words(" notification: ")
      .value("notification_id", log_field(notification_id))
      .write("bounce");
}

void log_login(const LogLogin& login) {
  LineDraft line;
  line.value("action", "Login").words(": ");
  add_login(line, login);
  line.write(std::string(login.service) + "-login");
}

void log_login_ended(const LogLogin& login, std::string_view why) {
  LineDraft line;
  line.value("action", "Disconnected").words(": ").value("reason", log_field(why)).words(": ");
  add_login(line, login);
  line.write(std::string(login.service) + "-login");
}

void log_logout(std::string_view service, std::string_view user, std::string_view session,
                std::string_view why, std::string_view counts) {
  LineDraft line;
  line.bracketed("", "user", user).bracketed(", ", "session", session).words(": ");
  line.value("action", "Disconnected").words(": ").value("reason", log_field(why));
  if (!counts.empty()) line.words(" ").value("counts", log_field(counts));
  line.write(service);
}

void log_mail_event(const LogMailEvent& event) {
  LineDraft line;
  line.bracketed("", "user", event.user).bracketed(", ", "session", event.session).words(": ");
  line.value("event", event.event);
  if (!event.from.empty()) line.words(" from ").value("from_box", log_field(event.from));
  line.words(": ");
  std::string_view before;
  for (const auto& [name, value] : event.fields) {
    bool is_number = name == "uid" || name == "size" || name == "vsize" || name == "more";
    if (is_number) line.number(before, name, value);
    if (!is_number) line.key(before, name, value);
    before = ", ";
  }
  line.write(event.service);
}

void log_mailbox_event(const LogMailEvent& event, std::string_view box, std::string_view to) {
  LineDraft line;
  line.bracketed("", "user", event.user).bracketed(", ", "session", event.session).words(": ");
  line.value("event", event.event).words(": ").value("box", log_field(box));
  if (!to.empty()) line.words(" -> ").value("to_box", log_field(to));
  line.write(event.service);
}

void log_master(std::string_view daemon, std::string_view what, std::string_view directory) {
  LineDraft line;
  line.value("daemon", log_field(daemon)).words(": ").value("action", log_field(what));
  line.words(" -- version ").value("version", PENNYPOST_VERSION);
  line.words(", configuration ").value("configuration", log_field(directory)).write("master");
}

void log_child_died(std::string_view daemon, std::string_view process, int pid, int wait_status) {
  std::string how = WIFSIGNALED(wait_status)
                        ? "killed by signal " + std::to_string(WTERMSIG(wait_status))
                        : "exit status " + std::to_string(WEXITSTATUS(wait_status));
  if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGSYS) {
    how += " (a system call that it must not make; the kernel's log names it)";
  }
  metrics::count(metrics::Metric::process_failures);
  log_warning("master", "process " + std::string(daemon) + ": " + std::string(process) + " pid " +
                            std::to_string(pid) + " " + how);
}

std::string delay_text(Microseconds delay) {
  constexpr int tenth = 100'000;
  auto count = delay.count() < 0 ? 0 : delay.count();
  std::array<char, 32> text{};
  double seconds = static_cast<double>(count) / 1e6;
  int digits = count >= 99 * tenth ? 0 : count >= 99 * tenth / 10 ? 1 : 2;
  std::snprintf(text.data(), text.size(), "%.*f", digits, seconds);
  std::string result = text.data();
  if (digits > 0) {
    while (result.ends_with('0')) result.pop_back();
    if (result.ends_with('.')) result.pop_back();
  }
  return result;
}

}  // namespace pennypost
