#include "store/filtering/settings_check.h"

#include "common/config/imapsieve_rules.h"
#include "store/filtering/script_cache.h"
#include "store/filtering/scripts_of.h"
#include "store/filtering/spam_verdict.h"

namespace pennypost::store {
namespace {

using Problems = std::vector<std::string>;

std::string at(const Config& config, std::string_view name, const std::string& what) {
  return config.where(name) + ": " + std::string(name) + ": " + what;
}

// A setting's rules are looked at one by one, so that the right one is named.
void check_rules(const Config& config, const std::string& prefix, const VerdictRules& all,
                 Problems& problems) {
  VerdictRules status;
  status.status_header = all.status_header;
  VerdictRules highest_header;
  highest_header.max_header = all.max_header;
  VerdictRules highest;
  highest.max_value = all.max_value;
  VerdictRules texts;
  texts.text_values = all.text_values;
  for (const auto& [name, rules] :
       {std::pair("status_header", status), std::pair("max_header", highest_header),
        std::pair("max_value", highest), std::pair("text_values", texts)}) {
    auto right = check_verdict_rules(rules);
    if (!right) problems.push_back(at(config, prefix + name, right.error().text()));
  }
}

void check_script(const Config& config, std::string_view setting, const std::string& path,
                  ScriptUse use, Problems& problems) {
  auto found =
      ScriptCache::own().at(path, config.sieve_max_script_size, offered_extensions(config, use));
  if (!found) {
    problems.push_back(at(config, setting, found.error().text()));
  } else if (!*found) {
    problems.push_back(at(config, setting, "there is no script " + path));
  } else if (!(*found)->script) {
    problems.push_back(path + ":" + (*found)->mistakes.front().shown());
  }
}

void check_scripts(const Config& config, Problems& problems) {
  auto check_all = [&](std::string_view setting, const std::vector<std::string>& places) {
    for (const auto& place : places) {
      auto steps = host_script_steps(place);
      if (!steps) problems.push_back(at(config, setting, steps.error().text()));
      if (!steps) continue;
      for (const auto& step : *steps) {
        if (step.path == spam_script_name) continue;
        check_script(config, setting, step.path, ScriptUse::Delivery, problems);
      }
    }
  };
  check_all("sieve_before", config.sieve_before);
  check_all("sieve_after", config.sieve_after);
  if (!config.sieve_default.empty()) {
    check_script(config, "sieve_default", config.sieve_default, ScriptUse::Delivery, problems);
  }
  for (const auto& rule : parse_imapsieve_rules(config.at(Service::Imap).imapsieve_scripts)) {
    check_script(config, "imapsieve_scripts", rule.script, ScriptUse::ImapEvent, problems);
  }
}

}  // namespace

std::vector<std::string> sieve_problems(const Config& config) {
  Problems problems;
  check_rules(config, "sieve_spamtest_", spam_rules(config), problems);
  check_rules(config, "sieve_virustest_", virus_rules(config), problems);
  check_scripts(config, problems);
  return problems;
}

}  // namespace pennypost::store
