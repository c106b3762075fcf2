#include "imapd/client/client.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/dns/cares_resolver.h"
#include "common/dns/connect_server.h"
#include "common/net/disconnected.h"
#include "common/sasl/client.h"
#include "common/tls/tls_stream.h"
#include "imapd/grammar/cursor.h"
#include "imapd/response/strings.h"

namespace pennypost::imap {
namespace {

// How much of an answer an error shows.
constexpr std::size_t shown_bytes = 300;
// Challenges of one AUTHENTICATE.
constexpr int challenges_max = 5;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

/// Whether a quoted string can carry it.
bool is_quotable(std::string_view text) {
  return is_ascii(text) && std::ranges::none_of(text, is_control);
}

/// `1:3,7`
std::string set_of(const std::vector<std::uint32_t>& uids) {
  std::string set;
  for (std::size_t i = 0; i < uids.size();) {
    std::size_t last = i;
    while (last + 1 < uids.size() && uids[last + 1] == uids[last] + 1) ++last;
    add(set, set.empty() ? "" : ",", std::to_string(uids[i]));
    if (last > i) add(set, ":", std::to_string(uids[last]));
    i = last + 1;
  }
  return set;
}

/// What follows `* `; nothing if the answer is another.
std::optional<std::string_view> untagged(std::string_view answer) {
  if (!answer.starts_with("* ")) return std::nullopt;
  return answer.substr(2);
}

bool begins_with_word(std::string_view text, std::string_view word) {
  return starts_with_nocase(text, word) && (text.size() == word.size() || text[word.size()] == ' ');
}

}  // namespace

ImapClient::ImapClient(std::unique_ptr<Loop> loop, std::string name)
    : loop_(std::move(loop)), name_(std::move(name)) {
  limits_.line_bytes_max = answer_line_bytes_max;
  limits_.literal_bytes_max = answer_bytes_max;
}

ImapClient::~ImapClient() = default;

Error ImapClient::failure(int code, const std::string& what) const {
  return Error(code, name_ + ": " + what);
}

template <class T>
Result<T> ImapClient::finish(Task<Result<T>> task) {
  try {
    return loop_->run_until(std::move(task));
  } catch (const Disconnected& lost) {
    return failure(451, lost.text());
  }
}

// The conversation's begin

Result<std::unique_ptr<ImapClient>> ImapClient::connect(const Config& config,
                                                        const RemoteServer& server) {
  auto name = server.host + ":" + std::to_string(server.port);
  std::unique_ptr<ImapClient> client(new ImapClient(std::make_unique<Loop>(), std::move(name)));
  TRY_DO(client->finish(client->reach(config, server)));
  if (server.starts_tls) {
    TRY_DO(client->greet());
    TRY_DO(client->run("STARTTLS", {}));
    // RFC 3501 section 6.2.1: what came before TLS counts for nothing; it may be another's.
    if (!client->connection_->take_input().empty()) {
      return client->failure(550, "more follows the answer to STARTTLS than there may be");
    }
    client->capabilities_.clear();
    TRY_DO(client->finish(client->encrypt(server)));
  } else {
    TRY_DO(client->finish(client->encrypt(server)));
    TRY_DO(client->greet());
  }
  return client;
}

Result<std::unique_ptr<ImapClient>> ImapClient::over(std::unique_ptr<Loop> loop,
                                                     std::unique_ptr<Stream> stream) {
  std::unique_ptr<ImapClient> client(new ImapClient(std::move(loop), "server"));
  client->connection_ =
      std::make_unique<Connection>(*client->loop_, std::move(stream), answer_time_max);
  TRY_DO(client->greet());
  return client;
}

Task<Result<void>> ImapClient::reach(const Config& config, const RemoteServer& server) {
  CaresResolver resolver(*loop_, DnsSettings::of_system(config));
  ServerRef at;
  at.host = server.host;
  at.port = server.port;
  auto connecting = connect_server(*loop_, resolver, std::move(at), "/", connect_time_max);
  auto socket = co_await std::move(connecting);
  if (!socket) co_return failure(socket.error().code(), socket.error().text());
  connection_ = std::make_unique<Connection>(*loop_, *std::move(socket), answer_time_max);
  co_return Result<void>();
}

Task<Result<void>> ImapClient::encrypt(const RemoteServer& server) {
  TlsContext::ClientSettings settings;
  settings.verify = server.checks_certificate;
  settings.ca_file = server.ca_file;
  CO_TRY(auto context, TlsContext::client(settings));
  auto socket = connection_->exchange_stream(nullptr);
  auto tls = TlsStream::client(std::move(socket), std::move(context), server.host);
  co_await tls->handshake(connect_time_max);
  (void)connection_->exchange_stream(std::move(tls));
  co_return Result<void>();
}

Result<void> ImapClient::greet() {
  TRY(auto answer, next());
  auto text = untagged(answer);
  is_logged_in_ = text && begins_with_word(*text, "PREAUTH");
  if (!text || (!is_logged_in_ && !begins_with_word(*text, "OK"))) {
    return failure(451, "it greets us with " + printable(answer, shown_bytes));
  }
  return {};
}

Result<void> ImapClient::ask_capabilities() {
  capabilities_.clear();
  return run("CAPABILITY", [this](std::string_view answer) -> Result<void> {
    if (begins_with_word(answer, "CAPABILITY")) capabilities_ = parse_capabilities(answer);
    return {};
  });
}

bool ImapClient::can(std::string_view capability) const {
  return std::ranges::find(capabilities_, capability) != capabilities_.end();
}

Result<void> ImapClient::log_in(const std::string& login, const Secret& password) {
  if (is_logged_in_) return ask_capabilities();
  TRY_DO(ask_capabilities());
  std::vector<std::string> offered;
  for (const auto& capability : capabilities_) {
    if (capability.starts_with("AUTH=")) offered.push_back(capability.substr(5));
  }
  auto mechanisms = ClientExchange::choices(offered, {});
  if (!mechanisms.empty()) {
    TRY_DO(authenticate(mechanisms.front(), login, password));
  } else if (can("LOGINDISABLED")) {
    return failure(550, "it lets nobody log in by a password");
  } else if (!is_quotable(login) || !is_quotable(password.reveal())) {
    return failure(550, "it has LOGIN alone, which can't carry this name or password");
  } else {
    auto done = run("LOGIN " + quoted(login) + " " + quoted(password.reveal()), {});
    if (!done) return Error(535, done.error().text());
  }
  is_logged_in_ = true;
  return ask_capabilities();
}

Result<void> ImapClient::authenticate(const std::string& mechanism, const std::string& login,
                                      const Secret& password) {
  auto exchange = ClientExchange::make(mechanism, login, password, {});
  auto tag = "p" + std::to_string(++commands_);
  TRY_DO(finish(send(tag + " AUTHENTICATE " + mechanism + "\r\n")));
  auto initial = exchange->initial();
  bool is_server_proven = mechanism != "SCRAM-SHA-256";
  for (int challenges = 0; challenges <= challenges_max;) {
    TRY(auto answer, next());
    if (untagged(answer)) continue;
    if (!answer.starts_with('+')) {
      auto done = outcome(answer.substr(std::min(tag.size() + 1, answer.size())), "AUTHENTICATE");
      if (!done) return Error(535, done.error().text());
      if (!is_server_proven) return failure(550, "it does not show that it knows the password");
      return {};
    }
    ++challenges;
    auto challenge = base64_decode(trim(std::string_view(answer).substr(1)));
    std::string response;
    if (initial) {
      response = *std::exchange(initial, std::nullopt);
    } else if (!challenge) {
      return failure(451, "its challenge is not base64");
    } else if (challenge->starts_with("v=")) {
      TRY_DO(exchange->verify(*challenge));
      is_server_proven = true;
    } else {
      TRY(response, exchange->respond(*challenge));
    }
    TRY_DO(finish(send(base64_encode(response) + "\r\n")));
  }
  return failure(451, "it asks too much in AUTHENTICATE");
}

void ImapClient::log_out() {
  if (connection_) (void)run("LOGOUT", {});
}

// What it has

Result<std::vector<ListedFolder>> ImapClient::folders() {
  std::vector<ListedFolder> found;
  std::string command = R"(LIST "" "*")";
  if (can("SPECIAL-USE") && can("LIST-EXTENDED")) command += " RETURN (SPECIAL-USE)";
  TRY_DO(run(command, [&](std::string_view answer) -> Result<void> {
    if (!begins_with_word(answer, "LIST")) return {};
    TRY(auto folder, parse_listed(answer, limits_));
    if (found.size() == remote_folders_max) {
      return failure(550, "it has more than " + std::to_string(remote_folders_max) + " folders");
    }
    found.push_back(std::move(folder));
    return {};
  }));
  return found;
}

Result<std::vector<std::string>> ImapClient::subscriptions() {
  std::vector<std::string> found;
  TRY_DO(run(R"(LSUB "" "*")", [&](std::string_view answer) -> Result<void> {
    if (!begins_with_word(answer, "LSUB")) return {};
    TRY(auto folder, parse_listed(answer, limits_));
    bool is_level = folder.has("\\Noselect");
    if (!is_level && found.size() < remote_folders_max) found.push_back(std::move(folder.name));
    return {};
  }));
  return found;
}

Result<Namespaces> ImapClient::namespaces() {
  Namespaces found;
  if (!can("NAMESPACE")) return found;
  TRY_DO(run("NAMESPACE", [&](std::string_view answer) -> Result<void> {
    if (!begins_with_word(answer, "NAMESPACE")) return {};
    TRY(found, parse_namespaces(answer, limits_));
    return {};
  }));
  return found;
}

Result<ImapClient::OpenedFolder> ImapClient::open(const std::string& name) {
  OpenedFolder opened;
  TRY_DO(run("EXAMINE " + quoted(name), [&](std::string_view answer) -> Result<void> {
    if (auto validity = number_in_code(answer, "UIDVALIDITY")) opened.uid_validity = *validity;
    auto parts = words(answer, " ");
    if (parts.size() == 2 && equal_nocase(parts[1], "EXISTS")) {
      opened.messages = static_cast<std::uint32_t>(parse_number(parts[0]).value_or(0));
    }
    return {};
  }));
  return opened;
}

Result<std::vector<ImapClient::SizedMessage>> ImapClient::messages_after(std::uint32_t after) {
  std::vector<SizedMessage> found;
  if (after == UINT32_MAX) return found;
  auto command = "UID FETCH " + std::to_string(after + 1) + ":* (UID RFC822.SIZE)";
  TRY_DO(run(command, [&](std::string_view answer) -> Result<void> {
    TRY(auto message, parse_fetched(answer, limits_));
    // `*` is the last message also where that comes before the first number.
    if (!message || message->uid <= after || !message->octets) return {};
    if (found.size() == remote_messages_max) {
      return failure(550,
                     "a folder has more than " + std::to_string(remote_messages_max) + " messages");
    }
    found.push_back({message->uid, *message->octets});
    return {};
  }));
  std::ranges::sort(found, {}, &SizedMessage::uid);
  return found;
}

Result<void> ImapClient::fetch(const std::vector<std::uint32_t>& uids, OctetSink& sink,
                               const OnMessage& use) {
  auto command = "UID FETCH " + set_of(uids) + " (UID FLAGS INTERNALDATE BODY.PEEK[])";
  return run(
      command,
      [&](std::string_view answer) -> Result<void> {
        TRY(auto message, parse_fetched(answer, limits_));
        // Without a text it tells of a change of flags.
        if (!message || message->uid == 0 || !message->text) return {};
        // A short message may come as a quoted string.
        if (!is_in_sink_) {
          TRY_DO(sink.begin(message->text->size()));
          TRY_DO(sink.add(*message->text));
        }
        return use(*std::move(message));
      },
      &sink);
}

// Commands and answers

Result<void> ImapClient::run(const std::string& command, const OnAnswer& use, OctetSink* sink) {
  auto tag = "p" + std::to_string(++commands_);
  TRY_DO(finish(send(tag + " " + command + "\r\n")));
  auto verb = command.substr(0, command.find(' ', command.starts_with("UID ") ? 4 : 0));
  for (;;) {
    TRY(auto answer, next(sink));
    std::string_view text = answer;
    if (text.starts_with(tag + " ")) return outcome(text.substr(tag.size() + 1), verb);
    auto told = untagged(text);
    if (!told) return failure(451, "an answer that we can't tell: " + printable(text, shown_bytes));
    if (begins_with_word(*told, "BYE") && verb != "LOGOUT") {
      return failure(451,
                     "it ends the conversation: " + printable(trim(told->substr(3)), shown_bytes));
    }
    if (!use) continue;
    auto used = use(*told);
    if (used) continue;
    if (used.error().code() != 501) return used;
    return failure(451, used.error().text() + " in " + printable(*told, shown_bytes));
  }
}

Result<void> ImapClient::outcome(std::string_view answer, std::string_view command) const {
  if (begins_with_word(answer, "OK")) return {};
  bool is_later = find_nocase(answer, "[UNAVAILABLE]") != std::string_view::npos ||
                  find_nocase(answer, "[INUSE]") != std::string_view::npos;
  return failure(is_later ? 451 : 550,
                 "it answers " + std::string(command) + " with " + printable(answer, shown_bytes));
}

Task<Result<void>> ImapClient::send(std::string text) {
  connection_->put(text);
  co_await connection_->flush();
  co_return Result<void>();
}

Result<std::string> ImapClient::next(OctetSink* sink) { return finish(read(sink)); }

Task<Result<std::string>> ImapClient::read(OctetSink* sink) {
  constexpr std::string_view text_item = "BODY[] ";
  std::string answer;
  is_in_sink_ = false;
  for (;;) {
    Line line = co_await connection_->line(answer_line_bytes_max);
    if (line.is_too_long || answer.size() + line.text.size() > answer_bytes_max) {
      co_return failure(451, "too long an answer: " + printable(line.text, shown_bytes));
    }
    answer += line.text;
    auto told = untagged(answer);
    auto literal = told && !is_state(*told) ? literal_at_end(line.text) : std::nullopt;
    if (!literal) co_return std::move(answer);
    auto before = std::string_view(answer).substr(0, answer.size() - literal->header_bytes);
    bool is_message = sink != nullptr && ends_with_nocase(before, text_item);
    if (is_message) {
      // In the answer it is an empty one; whoever asked for it has it in the sink.
      answer.resize(before.size());
      answer += "{0}\r\n";
      if (literal->bytes > copied_octets_max) {
        co_return failure(451,
                          "it sends a message of " + std::to_string(literal->bytes) + " octets");
      }
      is_in_sink_ = true;
      CO_TRY_DO(sink->begin(literal->bytes));
      auto reading = read_octets(literal->bytes, *sink);
      CO_TRY_DO(co_await std::move(reading));
      continue;
    }
    if (literal->bytes > answer_bytes_max - answer.size()) {
      co_return failure(451, "too long an answer: " + printable(answer, shown_bytes));
    }
    answer += "\r\n";
    auto end = answer.size() + static_cast<std::size_t>(literal->bytes);
    while (answer.size() < end) {
      if (!connection_->has_input()) co_await connection_->fill();
      auto piece = connection_->buffered().substr(0, end - answer.size());
      answer += piece;
      connection_->consume(piece.size());
    }
  }
}

Task<Result<void>> ImapClient::read_octets(std::uint64_t octets, OctetSink& sink) {
  while (octets > 0) {
    if (!connection_->has_input()) co_await connection_->fill();
    auto piece = connection_->buffered();
    piece =
        piece.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(octets, piece.size())));
    CO_TRY_DO(sink.add(piece));
    octets -= piece.size();
    connection_->consume(piece.size());
  }
  co_return Result<void>();
}

}  // namespace pennypost::imap
