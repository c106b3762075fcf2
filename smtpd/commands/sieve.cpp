#include "smtpd/commands/sieve.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <ostream>
#include <vector>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/mail/address_list.h"
#include "common/mail/header.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/sieve_actions.h"
#include "smtpd/commands/sieve_scripts.h"
#include "smtpd/commands/usage.h"
#include "store/filtering/scripts_of.h"
#include "store/sieve/checker.h"
#include "store/sieve/interpreter.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;
using namespace pennypost::store;

constexpr std::size_t message_bytes_max = 64 << 20;

struct Call {
  std::string verb;
  std::optional<std::string> directory;
  std::optional<std::string> from;
  std::optional<std::string> to;
  std::vector<std::string> mailboxes{"INBOX"};
  std::vector<std::string> remembered;
  std::vector<std::string> files;
  ScriptsCall scripts;  // the call as one of a user's scripts
  sieve::Extensions offered = sieve::usual_extensions();
};

/// Nothing: wrong arguments.
std::optional<Call> parse(std::span<const std::string> args) {
  Call call;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    bool is_option = arg.starts_with('-') && arg != "-";
    if (arg == "--dry-run") {
      call.scripts.is_dry = true;
      continue;
    }
    if (arg == "--remove-discarded") {
      call.scripts.removes_discarded = true;
      continue;
    }
    if (is_option && i + 1 == args.size()) return {};
    if (arg == "--folder") {
      call.scripts.folder = args[++i];
    } else if (arg == "-c") {
      call.directory = args[++i];
    } else if (arg == "--from") {
      call.from = args[++i];
    } else if (arg == "--to") {
      call.to = args[++i];
    } else if (arg == "--mailbox") {
      call.mailboxes.push_back(args[++i]);
    } else if (arg == "--remembered") {
      call.remembered.push_back(args[++i]);
    } else if (is_option) {
      return {};
    } else if (call.verb.empty()) {
      call.verb = arg;
    } else {
      call.files.push_back(arg);
    }
  }
  bool is_plain = !call.from && !call.to && call.mailboxes.size() == 1 && call.remembered.empty();
  auto& scripts = call.scripts;
  scripts.verb = call.verb;
  scripts.directory = call.directory;
  scripts.words = call.files;
  bool is_run = scripts.is_dry || scripts.removes_discarded || scripts.folder != "INBOX";
  if (is_scripts_call(scripts)) {
    return is_plain && (!is_run || call.verb == "run") ? std::optional(call) : std::nullopt;
  }
  if (is_run) return {};
  if (call.verb == "check" && is_plain && !call.files.empty()) return call;
  if (call.verb == "test" && call.files.size() == 2) return call;
  return {};
}

Result<std::string> whole_file(const std::string& path, std::size_t bytes_max) {
  if (path == "-") {
    TRY(auto text, read_up_to(STDIN_FILENO, bytes_max + 1, "standard input"));
    if (text.size() <= bytes_max) return text;
    return Error::permanent("standard input has more than " + std::to_string(bytes_max) +
                            " octets");
  }
  TRY(auto text, read_file(path, bytes_max));
  if (text) return *std::move(text);
  return Error::permanent("there is no file " + path);
}

/// What the arguments and the message say of the host.
class StatedEnvironment final : public sieve::Environment {
 public:
  StatedEnvironment(const Call& call, const std::string& message, std::string delimiter,
                    std::ostream& err)
      : call_(call), delimiter_(std::move(delimiter)), fields_(message), err_(err) {}

  std::int64_t now_seconds() const override { return Clock::system().now_seconds(); }
  std::string envelope_from() const override {
    return call_.from ? *call_.from : address_in({"Return-Path", "From"});
  }
  std::string envelope_to() const override {
    return call_.to ? *call_.to : address_in({"Delivered-To", "To"});
  }
  std::string recipient_delimiter() const override { return delimiter_; }
  bool has_mailbox(const std::string& name) const override {
    return std::ranges::find(call_.mailboxes, name) != call_.mailboxes.end();
  }
  bool has_special_use(const std::string&, const std::string&) const override { return false; }
  bool is_remembered(const std::string& key) const override {
    return std::ranges::find(call_.remembered, printable(key)) != call_.remembered.end();
  }
  Result<std::shared_ptr<const sieve::Script>> included(const std::string& name,
                                                        ScriptLocation) const override {
    auto path = (fs::path(call_.files[0]).parent_path() / (name + ".sieve")).string();
    TRY(auto text, read_file(path, sieve::script_bytes_max));
    if (!text) return std::shared_ptr<const sieve::Script>();
    auto compiled = sieve::compile(*text, call_.offered);
    if (compiled.script) return compiled.script;
    return Error::permanent(path + ":" + compiled.mistakes.front().shown());
  }
  /// Nothing is done here: as if the program had nothing to say.
  sieve::ProgramAnswer run_program(const sieve::ProgramCall& call) const override {
    err_ << "pennypost sieve: the program " << printable(call.name) << " is not run\n";
    return {"", 1, ""};
  }
  std::optional<std::string> item(const std::string& name) const override {
    if (name == "name") return "Pennypost";
    if (name == "version") return PENNYPOST_VERSION;
    if (name == "location") return "MDA";
    if (name == "phase") return "during";
    return std::nullopt;
  }

 private:
  std::string address_in(std::initializer_list<std::string_view> names) const {
    for (auto name : names) {
      auto value = fields_.value(name);
      if (!value) continue;
      for (const auto& listed : parse_address_list(*value)) {
        auto address = listed.address();
        if (address) return address->text();
      }
    }
    return "";
  }

  const Call& call_;
  std::string delimiter_;
  HeaderFields fields_;
  std::ostream& err_;
};

class SieveCommand {
 public:
  SieveCommand(Call call, std::ostream& out, std::ostream& err)
      : call_(std::move(call)), out_(out), err_(err) {}

  /// The host's settings, for which a script need not be on its host. Returns a status.
  int take_config() {
    LoadOptions options;
    if (call_.directory) options.directory = *call_.directory;
    auto config = Config::load(options);
    if (!config) return call_.directory ? fatal(config.error(), ex_config) : 0;
    config_ = *std::move(config);
    call_.offered = offered_extensions(*config_, ScriptUse::Upload);
    return 0;
  }

  int check() {
    int status = 0;
    for (const auto& file : call_.files) status = std::max(status, compiled(file).status);
    return status;
  }

  int test() {
    std::string delimiter = config_ ? config_->recipient_delimiter : "+";
    auto script = compiled(call_.files[0]);
    if (!script.script) return script.status;
    auto message = whole_file(call_.files[1], message_bytes_max);
    if (!message) return fatal(message.error(), ex_failed);
    StatedEnvironment environment(call_, *message, delimiter, err_);
    auto outcome = sieve::run_script(*script.script, *message, environment);
    if (outcome.failure) {
      const auto& name = outcome.failure->script;
      auto path = name.empty() ? call_.files[0] : name + ".sieve";
      err_ << path << ":" << outcome.failure->mistake.shown() << "\n";
    }
    print_outcome(outcome, *message, out_);
    return outcome.failure ? ex_failed : 0;
  }

 private:
  struct Compiled {
    std::shared_ptr<const sieve::Script> script;
    int status = 0;
  };

  int fatal(const Error& error, int status) {
    err_ << "pennypost sieve: fatal: " << error.text() << "\n";
    return status;
  }

  Compiled compiled(const std::string& file) {
    auto text = whole_file(file, sieve::script_bytes_max);
    if (!text) return {nullptr, fatal(text.error(), ex_failed)};
    auto result = sieve::compile(*text, call_.offered);
    for (const auto& mistake : result.mistakes) err_ << file << ":" << mistake.shown() << "\n";
    return {result.script, result.script ? 0 : ex_dataerr};
  }

  Call call_;
  std::shared_ptr<const Config> config_;  // null: none was named, and there is no usual one
  std::ostream& out_;
  std::ostream& err_;
};

}  // namespace

int sieve(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto call = parse(args);
  if (!call) {
    err << usage::sieve << "\n";
    return ex_usage;
  }
  if (is_scripts_call(call->scripts)) return sieve_scripts(call->scripts, out, err);
  bool is_check = call->verb == "check";
  SieveCommand command(*std::move(call), out, err);
  if (int status = command.take_config(); status != 0) return status;
  return is_check ? command.check() : command.test();
}

}  // namespace pennypost::smtp
