// postconf(1): prints and changes settings.
//
// SYNOPSIS
//   postconf [-c DIR] [-d | -n] [-h | -H] [-x] [-o NAME=VALUE]... [NAME]...
//   postconf [-c DIR] -e NAME=VALUE...
//   postconf [-c DIR] -# NAME...          postconf [-c DIR] -X NAME...
//   postconf [-c DIR] -b | -t [FILE]
//   postconf [-c DIR] -M | -F | -P [SERVICE[/TYPE[/NAME]]]...
//   postconf --topics [TOPIC]...
//   postconf --example ROLE | --manual
//
// DESCRIPTION
//   Prints `name = value` for all settings, or those named; $name stays as written without -x.
//   -d  the defaults      -n  only what main.toml sets      -x  with $name expanded
//   -h  only values       -H  only names                    -o  as if it were in main.toml
//   -e  changes main.toml in place, or adds to it; -# comments a setting out; -X removes it.
//       Comments and order are kept. After a wrong value nothing is changed.
//   -b  the texts of delivery reports, with $name expanded; -t  the templates that they come from:
//       those of FILE, of bounce_template_file, or the built-in ones if FILE is an empty word.
//   A service's own value is named service.NAME.setting, as in service.submission.smtpd_timeout;
//   what a section of your own says, transport.NAME.key and service.NAME.key. A new section begins
//   with its kind: postconf -e transport.slow.kind=smtp transport.slow.destination_rate_delay=5s.
//   -M  services and transports in the form of Postfix's master.cf; -F their fields, -P their own
//       settings, a line each. They are changed as sections of main.toml.
//   --topics lists the topics of the settings; with topics, their settings with a sentence each.
//   --example prints a commented main.toml for a role; --manual prints parameters(5).
//
// DIAGNOSTICS
//   For an unknown name the nearest known one is suggested; exit status 1.
#include "smtpd/commands/postconf.h"

#include <algorithm>
#include <map>
#include <ostream>
#include <string_view>
#include <vector>

#include "common/base/text.h"
#include "common/config/config.h"
#include "common/config/edit.h"
#include "common/config/example.h"
#include "common/config/layers.h"
#include "common/config/manual.h"
#include "common/config/topics.h"
#include "smtpd/commands/master_entries.h"
#include "smtpd/commands/usage.h"
#include "smtpd/scheduler/report_templates.h"

namespace pennypost::smtp {
namespace {

/// A setting of the host or of one service.
struct Subject {
  std::size_t index;
  Scope scope;
};

class Postconf {
 public:
  Postconf(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}

  int run(std::span<const std::string> args) {
    if (!options(args)) return 1;
    if (!example_.empty()) return print_example();
    if (manual_) {
      out_ << manual_page();
      return 0;
    }
    if (topics_) return print_topics();
    if (template_option_ != 0) return print_templates();
    if (master_option_ != 0) return print_services();
    return editing_ ? edit() : print();
  }

 private:
  bool fail(const std::string& text) {
    err_ << "postconf: fatal: " << text << "\n";
    return false;
  }
  void warn(const std::string& text) { err_ << "postconf: warning: " << text << "\n"; }

  bool options(std::span<const std::string> args) {
    std::size_t i = 0;
    for (; i < args.size() && args[i].starts_with('-') && args[i].size() > 1; ++i) {
      const std::string& arg = args[i];
      if (arg == "--") {
        ++i;
        break;
      }
      if (arg == "--manual") {
        manual_ = true;
        continue;
      }
      if (arg == "--topics") {
        topics_ = true;
        continue;
      }
      if (arg == "--example") {
        if (++i == args.size()) return fail("--example needs null-client, relay or destination");
        example_ = args[i];
        continue;
      }
      for (std::size_t at = 1; at < arg.size(); ++at) {
        char letter = arg[at];
        if (letter == 'c' || letter == 'o') {
          std::string value = arg.substr(at + 1);
          if (value.empty() && ++i == args.size()) {
            return fail(std::string("-") + letter + " needs a value");
          }
          if (value.empty()) value = args[i];
          if (letter == 'c') load_.directory = value;
          if (letter == 'o') load_.overrides.push_back(value);
          break;
        }
        if (!flag(letter)) {
          return fail("unknown option -" + printable(arg.substr(at, 1)) + "\n" +
                      std::string(usage::postconf));
        }
      }
    }
    names_.assign(args.begin() + static_cast<std::ptrdiff_t>(i), args.end());
    // As in Postfix, name=value without -e is an edit, too.
    if (!editing_ && template_option_ == 0 && master_option_ == 0 &&
        std::ranges::any_of(names_,
                            [](const std::string& name) { return name.find('=') != name.npos; })) {
      editing_ = true;
    }
    if (defaults_ && given_only_) return fail("-d and -n can't be used together");
    return true;
  }

  bool flag(char letter) {
    switch (letter) {
      case 'd':
        return defaults_ = true;
      case 'n':
        return given_only_ = true;
      case 'h':
        return values_only_ = true;
      case 'H':
        return names_only_ = true;
      case 'x':
        return expand_ = true;
      case 'f':
        return true;  // accepted and ignored: values are never folded
      case 'b':
      case 't':
        template_option_ = letter;
        return true;
      case 'M':
      case 'F':
      case 'P':
        master_option_ = letter;
        return true;
      case 'e':
        return editing_ = true;
      case '#':
        kind_ = SettingEdit::CommentOut;
        return editing_ = true;
      case 'X':
        kind_ = SettingEdit::Remove;
        return editing_ = true;
      default:
        return false;
    }
  }

  int print_example() {
    auto role = kinds::RoleName::parse(example_, kinds::any);
    if (!role || *role == Role::None) {
      fail("--example needs null-client, relay or destination");
      return 1;
    }
    out_ << example(*role);
    return 0;
  }

  /// -b and -t: the texts of reports, or the templates.
  int print_templates() {
    if (names_.size() > 1) {
      fail(std::string("-") + template_option_ + " takes one file");
      return 1;
    }
    auto config = Config::load(load_);
    if (!config) return fail(config.error().text()), 1;
    auto templates =
        load_templates(names_.empty() ? (*config)->bounce_template_file : names_.front());
    if (!templates) return fail(templates.error().text()), 1;
    if (template_option_ == 't') {
      out_ << bounce_templates_text(*templates);
    } else {
      out_ << filled_bounce_texts(
          *templates, [&](std::string_view name) { return report_value(**config, name); });
    }
    return 0;
  }

  /// --topics: the topics, or the settings of those that are named.
  int print_topics() {
    if (names_.empty()) {
      for (const Topic& topic : topics()) out_ << topic.key << ": " << topic.title << "\n";
      return 0;
    }
    for (const std::string& name : names_) {
      const Topic* topic = find_topic(name);
      if (topic == nullptr) {
        fail("no topic \"" + printable(name, 100) + "\"; postconf --topics lists them");
        return 1;
      }
      out_ << "# " << topic->title << "\n";
      for (const Parameter* parameter : settings_of(*topic)) {
        out_ << "\n"
             << wrapped(parameter->description, "# ") << parameter->name << " ="
             << (parameter->default_text.empty() ? "" : " ") << parameter->default_text << "\n";
      }
    }
    return 0;
  }

  /// -M, -F and -P: services and transports as master.cf would have them.
  int print_services() {
    if (editing_) {
      fail("services are sections of main.toml: write [service.NAME] or [transport.NAME] there");
      return 1;
    }
    auto config = Config::load(load_);
    if (!config) return fail(config.error().text()), 1;
    auto printed =
        print_master_entries(master_option_, names_, master_entries(load_, **config), out_);
    if (!printed) return fail(printed.error().text()), 1;
    return 0;
  }

  int edit() {
    std::vector<SettingEdit> edits;
    for (const std::string& name : names_) {
      auto parsed = SettingEdit::parse(kind_, name);
      if (!parsed) return fail(parsed.error().text()), 1;
      edits.push_back(*std::move(parsed));
    }
    if (edits.empty()) return fail("name the settings to change"), 1;
    auto done = edit_file(edits, load_);
    if (!done) return fail(done.error().text()), 1;
    // The change has been made; warn if the settings no longer fit together.
    auto config = Config::load(load_);
    if (!config) {
      for (std::string_view line : split(config.error().text(), '\n')) warn(std::string(line));
    }
    return 0;
  }

  int print() {
    Layers layers = defaults_ ? Layers::parse("", load_) : Layers::read(load_);
    // Report errors of the file, and show what can be read.
    for (const std::string& error : layers.errors()) warn(error);
    int status = layers.errors().empty() ? 0 : 1;
    for (const Subject& subject : subjects(layers, status)) {
      if (!print_one(layers, subject)) status = 1;
    }
    for (const auto& [name, given] : layers.classes()) {
      bool is_named = std::ranges::find(names_, name) != names_.end();
      if (is_named || names_.empty()) print_class(name, given.text);
    }
    for (const auto& [name, given] : layers.own_forms()) {
      bool is_named = std::ranges::find(names_, name) != names_.end();
      if (is_named || names_.empty()) print_class(name, given.text);
    }
    for (const auto& [name, text] : own_values(layers)) {
      bool is_named = std::ranges::find(names_, name) != names_.end();
      if (is_named || names_.empty()) print_class(name, text);
    }
    return status;
  }

  /// What the sections of the admin's own say, as `transport.NAME.key`.
  static std::map<std::string, std::string> own_values(const Layers& layers) {
    std::map<std::string, std::string> values;
    for (const auto& [title, section] : layers.own_sections()) {
      for (const auto& [key, given] : section.own) values[title + "." + key] = given.text;
      for (const auto* settings : {&section.settings, &section.overrides}) {
        for (const auto& [index, given] : *settings) {
          if (given.where.starts_with("default of ")) continue;
          values[title + "." + std::string(own_name(section, parameters()[index].name))] =
              given.text;
        }
      }
    }
    return values;
  }

  /// The name of a setting in a section, where a transport's limits lack `default_`.
  static std::string_view own_name(const OwnSection& section, std::string_view parameter) {
    constexpr std::string_view common = "default_";
    bool is_limit = section.of == OwnSection::Of::Transport && is_transport_limit(parameter);
    if (is_limit && parameter.starts_with(common)) parameter.remove_prefix(common.size());
    return parameter;
  }

  std::vector<Subject> subjects(const Layers& layers, int& status) {
    std::vector<Subject> result;
    if (names_.empty()) {
      for (std::size_t i = 0; i < parameters().size(); ++i) {
        if (!given_only_ || is_of_file(layers, i, {})) result.push_back({i, {}});
      }
      for (std::size_t s = 0; s < service_count; ++s) {
        auto service = static_cast<Service>(s);
        for (std::size_t i = 0; i < parameters().size(); ++i) {
          if (has_own(layers, i, service)) result.push_back({i, service});
        }
      }
      return result;
    }
    auto own = own_values(layers);
    for (const std::string& name : names_) {
      if (own.contains(name)) continue;
      // SettingEdit parses names like service.NAME.setting.
      auto parsed = SettingEdit::parse(SettingEdit::Remove, name);
      if (!parsed && name != "config_directory") {
        warn(parsed.error().text());
        status = 1;
        continue;
      }
      if (parsed && !parsed->own_section.empty()) {
        warn(name + ": there is no such key in " + layers.file());
        status = 1;
        continue;
      }
      auto index = find_parameter(parsed ? parsed->name : name);
      bool is_own = layers.classes().contains(name) || layers.own_forms().contains(name);
      if (!index && is_own) continue;
      if (!index) {
        warn(unknown_parameter(name));
        status = 1;
        continue;
      }
      Subject subject{*index, parsed ? parsed->scope : Scope()};
      if (!given_only_ || is_of_file(layers, subject.index, subject.scope))
        result.push_back(subject);
    }
    return result;
  }

  static bool is_of_file(const Layers& layers, std::size_t index, Scope scope) {
    const Layers::Given* given = layers.given(index, scope);
    return given != nullptr && given->where != "-c";
  }

  /// Whether a service has its own value, from its section or by default.
  bool has_own(const Layers& layers, std::size_t index, Service service) const {
    if ((parameters()[index].services & bit(service)) == 0) return false;
    const Layers::Given* own = layers.given(index, service);
    if (own != layers.given(index)) return true;
    if (own != nullptr || given_only_) return false;
    return service_default(service, parameters()[index].name).has_value();
  }

  /// A restriction class has no default, and stands in the file alone.
  void print_class(const std::string& name, std::string text) {
    std::ranges::replace(text, '\n', ' ');
    if (names_only_) out_ << name << "\n";
    if (!names_only_) out_ << (values_only_ ? text : name + " = " + text) << "\n";
  }

  bool print_one(const Layers& layers, const Subject& subject) {
    std::string name(parameters()[subject.index].name);
    if (subject.scope) name = "service." + std::string(name_of(*subject.scope)) + "." + name;
    if (names_only_) {
      out_ << name << "\n";
      return true;
    }
    std::string text = defaults_ ? layers.default_text(subject.index, subject.scope)
                                 : layers.raw(subject.index, subject.scope);
    bool good = true;
    if (expand_ && parameters()[subject.index].kind != "Raw") {
      auto expanded = layers.expand(text, subject.scope);
      good = expanded.has_value();
      if (good) text = *std::move(expanded);
      if (!good) {
        warn(layers.where(subject.index, subject.scope) + ": " + name + ": " +
             expanded.error().text());
      }
    }
    // A value is printed on one line; a line end in it is only white space.
    std::ranges::replace(text, '\n', ' ');
    out_ << (values_only_ ? text : name + " =" + (text.empty() ? "" : " ") + text) << "\n";
    return good;
  }

  std::ostream& out_;
  std::ostream& err_;
  LoadOptions load_;
  std::vector<std::string> names_;
  std::string example_;
  char template_option_ = 0;  // b or t
  char master_option_ = 0;    // M, F or P
  bool topics_ = false;
  SettingEdit::Kind kind_ = SettingEdit::Set;
  bool manual_ = false;
  bool defaults_ = false;
  bool given_only_ = false;
  bool values_only_ = false;
  bool names_only_ = false;
  bool expand_ = false;
  bool editing_ = false;
};

}  // namespace

int postconf(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return Postconf(out, err).run(args);
}

}  // namespace pennypost::smtp
